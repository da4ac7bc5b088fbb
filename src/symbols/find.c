/* From an address to function, file and line, by DWARF; without it, to the name in the symbol table. */
#include "symbols.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ----------------------------------------------------------------------------------------------
 */

static const char *own_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attribute));
}

/* Where a function is declared, which knows what it is a member of. */
static void find_declaration(Dwarf_Die *die)
{
    static const unsigned int ways[] = { DW_AT_abstract_origin, DW_AT_specification };
    for (unsigned hops = 0; hops < 8; hops++) {
        Dwarf_Attribute attribute;
        Dwarf_Die next;
        bool found = false;
        for (size_t i = 0; !found && i < sizeof ways / sizeof ways[0]; i++)
            found = dwarf_attr(die, ways[i], &attribute) && dwarf_formref_die(&attribute, &next);
        if (!found)
            return;
        *die = next;
    }
}

static bool is_scope(Dwarf_Die *die)
{
    int tag = dwarf_tag(die);
    return tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
           tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type;
}

static void append(char *text, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, ESPOTA_SYMBOLS_NAME - used, "%s", more);
}

/* "namespace::class::function"; of C's functions the name alone. */
static void full_name(Dwarf_Die *die, char *text)
{
    Dwarf_Die declaration = *die;
    Dwarf_Die *scopes = NULL;
    const char *name = own_name(die);
    text[0] = '\0';
    if (!name)
        return;
    find_declaration(&declaration);
    int count = dwarf_getscopes_die(&declaration, &scopes);
    for (int i = count - 1; i > 0; i--) {
        if (!is_scope(&scopes[i]))
            continue;
        const char *outer = dwarf_diename(&scopes[i]);
        append(text, outer ? outer : "(anonymous)");
        append(text, "::");
    }
    if (count > 0)
        free(scopes);
    append(text, name);
}

/* ---- lines ----------------------------------------------------------------------------------------------
 */

static bool has_address(Dwarf_Die *unit, uint32_t address)
{
    return dwarf_haspc(unit, address) == 1;
}

/* Compilers that write no table of address ranges have each unit say its own. */
static bool find_unit(struct espota_symbols *s, uint32_t address, Dwarf_Die *unit)
{
    Dwarf_CU *cu = NULL;
    uint8_t type;
    if (dwarf_addrdie(s->dwarf, address, unit))
        return true;
    while (dwarf_get_units(s->dwarf, cu, &cu, NULL, &type, unit, NULL) == 0)
        if (type != DW_UT_type && has_address(unit, address))
            return true;
    return false;
}

static void find_line(Dwarf_Die *unit, uint32_t address, struct espota_symbols_place *place)
{
    int line = 0;
    Dwarf_Line *at = dwarf_getsrc_die(unit, address);
    place->file = at ? dwarf_linesrc(at, NULL, NULL) : NULL;
    if (at && dwarf_lineno(at, &line) == 0 && line > 0)
        place->line = (unsigned)line;
}

static unsigned number(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    bool found = dwarf_formudata(dwarf_attr(die, name, &attribute), &value) == 0;
    return found && value <= UINT32_MAX ? (unsigned)value : 0;
}

/* Where the inlined function `die` was called. */
static void find_call(Dwarf_Die *unit, Dwarf_Die *die, struct espota_symbols_place *place)
{
    Dwarf_Files *files = NULL;
    size_t count = 0, file = number(die, DW_AT_call_file);
    place->line = number(die, DW_AT_call_line);
    if (dwarf_getsrcfiles(unit, &files, &count) == 0 && file < count)
        place->file = dwarf_filesrc(files, file, NULL, NULL);
}

/* `scopes`: from the innermost to the unit. */
static size_t name_places(Dwarf_Die *unit, Dwarf_Die *scopes, int scope_count,
                          struct espota_symbols_place *places, size_t room)
{
    size_t count = 0;
    for (int i = 0; i < scope_count && count < room; i++) {
        int tag = dwarf_tag(&scopes[i]);
        bool inlined = tag == DW_TAG_inlined_subroutine;
        if (!inlined && tag != DW_TAG_subprogram)
            continue;
        full_name(&scopes[i], places[count].function);
        places[count].inlined = inlined && count + 1 < room;
        if (!inlined)
            return count + 1;
        if (++count < room) {
            places[count] = (struct espota_symbols_place){ .line = 0 };
            find_call(unit, &scopes[i], &places[count]);
        }
    }
    return count;
}

static size_t find_by_dwarf(struct espota_symbols *s, uint32_t address, struct espota_symbols_place *places,
                            size_t room)
{
    Dwarf_Die unit, *around = NULL, *scopes = NULL;
    size_t found = 0;
    if (!find_unit(s, address, &unit))
        return 0;
    find_line(&unit, address, &places[0]);
    int count = dwarf_getscopes(&unit, address, &around);
    if (count > 0) {
        int all = dwarf_getscopes_die(&around[0], &scopes);
        if (all > 0) {
            found = name_places(&unit, scopes, all, places, room);
            free(scopes);
        }
        free(around);
    }
    return found ? found : places[0].file != NULL;
}

size_t espota_symbols_find(struct espota_symbols *s, uint32_t address, struct espota_symbols_place *places,
                           size_t room)
{
    if (room == 0 || !espota_symbols_is_code(s, address))
        return 0;
    places[0] = (struct espota_symbols_place){ .line = 0 };
    size_t count = s->dwarf ? find_by_dwarf(s, address, places, room) : 0;
    if (count > 0 && places[count - 1].function[0])
        return count;
    const char *name = symbols_name_at(s, address);
    if (!name)
        return count;
    struct espota_symbols_place *last = &places[count ? count - 1 : 0];
    snprintf(last->function, sizeof last->function, "%s", name);
    last->inlined = false;
    return count ? count : 1;
}
