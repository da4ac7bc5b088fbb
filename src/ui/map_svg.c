/* A flash map to scale as a drawing (SVG 1.1, CSS as browsers have it): a bar of all of flash, below it the
 * neighbourhoods that are too narrow to be read, enlarged, and a legend. It follows the reader's light or
 * dark scheme. */
#include "ui.h"

#include <inttypes.h>
#include <string.h>

enum {
    WIDTH = 960,
    MARGIN = 24,
    BAR_WIDTH = WIDTH - 2 * MARGIN,
    BAR_TOP = 72,
    BAR_HEIGHT = 56,
    ZOOM_STEP = 116, /* from a bar to the enlarged one below it */
    ZOOM_HEIGHT = 40,
    ROW = 24,
    PADDING = 12,
    LETTER = 8,  /* of the bars' text, about */
    NARROW = 26, /* what is narrower is enlarged */
    ZOOMS = 3,
};

static const char style[] =
    "<style>\n"
    "svg{--ground:#fff;--text:#1c2430;--soft:#5b6675;--line:#d5dae1;--free:#eef1f4;--loader:#5f6b7a;--data:#"
    "946010;"
    "--app:#2667ab;--files:#2a7a50;--other:#6b46a8;font:14px system-ui,sans-serif}\n"
    "@media(prefers-color-scheme:dark){svg{--ground:#12171e;--text:#e7ebf0;--soft:#9aa6b5;--line:#2c3542;--"
    "free:#1c232c;"
    "--loader:#67748a;--data:#a97220;--app:#3478bd;--files:#318c5d;--other:#7c58bb}}\n"
    ".ground{fill:var(--ground)}.free{fill:var(--free)}.loader{fill:var(--loader)}.data{fill:var(--data)}."
    "app{fill:var(--app)}"
    ".files{fill:var(--files)}.other{fill:var(--other)}.part{stroke:var(--ground);stroke-width:1.5}\n"
    "text{fill:var(--text)}.soft{fill:var(--soft)}.in{fill:#fff;text-anchor:middle}.end{text-anchor:end}"
    ".middle{text-anchor:middle}.title{font-size:18px;font-weight:600}.number{font:13px "
    "ui-monospace,monospace}\n"
    ".line{stroke:var(--line);fill:none}.cone{fill:var(--free)}\n"
    "</style>\n";

static const char *const classes[] = {
    [ESPOTA_PART_LOADER] = "loader", [ESPOTA_PART_APP] = "app",     [ESPOTA_PART_DATA] = "data",
    [ESPOTA_PART_FILES] = "files",   [ESPOTA_PART_OTHER] = "other",
};

/* Harmless, and as XML wants it; at most `most` characters. */
static void put_text(FILE *out, const char *text, size_t most)
{
    for (size_t shown = 0; *text; shown++) {
        size_t length = espota_ui_character(text);
        if (shown == most) {
            fputs("\xe2\x80\xa6", out); /* ... */
            return;
        }
        if (length == 0)
            fputc('?', out);
        else if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '<')
            fputs("&lt;", out);
        else
            fwrite(text, 1, length, out);
        text += length ? length : 1;
    }
}

/* A stretch of flash and where it is drawn. */
struct span {
    uint64_t from, to;
    int top, height;
};

static double place(const struct span *span, uint64_t at)
{
    at = at < span->from ? span->from : at > span->to ? span->to : at;
    return MARGIN + (double)(at - span->from) * BAR_WIDTH / (double)(span->to - span->from);
}

static double width_in(const struct span *span, const struct espota_map_part *part)
{
    return place(span, part->offset + part->size) - place(span, part->offset);
}

static void put_part(FILE *out, const struct span *span, const struct espota_map_part *part)
{
    double x = place(span, part->offset), width = width_in(span, part);
    double drawn = width < 2 ? 2 : width;
    if (part->offset >= span->to || part->offset + part->size <= span->from)
        return;
    fprintf(out, "<g><title>");
    put_text(out, part->name, 64);
    fprintf(out, " 0x%06" PRIx64 " ", part->offset);
    put_text(out, part->size_text, 24);
    fprintf(out,
            "</title><rect class=\"part %s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"3\"/>",
            classes[part->kind], x, span->top, drawn, span->height);
    size_t letters = width > PADDING ? (size_t)((width - PADDING) / LETTER) : 0;
    if (letters >= 3) {
        fprintf(out, "<text class=\"in\" x=\"%.1f\" y=\"%d\">", x + width / 2,
                span->top + span->height / 2 + 5);
        put_text(out, part->name, espota_ui_width(part->name) <= letters ? 64 : letters - 1);
        fputs("</text>", out);
    }
    fputs("</g>\n", out);
}

static void put_span(FILE *out, const struct span *span, const struct espota_map_part *parts, size_t count)
{
    fprintf(out, "<rect class=\"free\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\"/>\n", MARGIN,
            span->top, BAR_WIDTH, span->height);
    for (size_t i = 0; i < count; i++)
        put_part(out, span, &parts[i]);
}

static void put_size(FILE *out, uint64_t bytes)
{
    if (bytes % (1024 * 1024) == 0 && bytes > 0)
        fprintf(out, "%" PRIu64 "M", bytes / (1024 * 1024));
    else if (bytes > 0)
        fprintf(out, "%" PRIu64 "K", bytes / 1024);
    else
        fputc('0', out);
}

static void put_ruler(FILE *out, const struct span *span)
{
    enum { MARKS = 8 };
    for (uint64_t mark = 0; mark <= MARKS; mark++) {
        uint64_t at = span->from + (span->to - span->from) * mark / MARKS;
        const char *anchor = mark == 0 ? "" : mark == MARKS ? " end" : " middle";
        double x = place(span, at);
        fprintf(out, "<path class=\"line\" d=\"M%.1f %dv6\"/>", x, span->top + span->height + 4);
        if (mark % 2 == 0) {
            fprintf(out, "<text class=\"soft number%s\" x=\"%.1f\" y=\"%d\">", anchor, x,
                    span->top + span->height + 24);
            put_size(out, at);
            fputs("</text>", out);
        }
    }
    fputc('\n', out);
}

static bool is_narrow(const struct span *whole, const struct espota_map_part *part)
{
    return width_in(whole, part) < NARROW;
}

/* The next run of several narrow parts from `*at` on: what lies from its beginning to its end. */
static bool next_run(const struct span *whole, const struct espota_map_part *parts, size_t count, size_t *at,
                     struct span *run)
{
    for (size_t first; *at < count;) {
        first = *at;
        while (*at < count && is_narrow(whole, &parts[*at]))
            ++*at;
        if (*at > first + 1) {
            run->from = parts[first].offset;
            run->to = parts[*at - 1].offset + parts[*at - 1].size;
            return true;
        }
        ++*at;
    }
    return false;
}

static void put_zoom(FILE *out, const struct span *whole, const struct span *run)
{
    fprintf(out, "<path class=\"cone\" d=\"M%.1f %dL%.1f %dL%d %dL%d %dz\"/>\n", place(whole, run->from),
            whole->top + whole->height + 32, place(whole, run->to), whole->top + whole->height + 32,
            MARGIN + BAR_WIDTH, run->top - 2, MARGIN, run->top - 2);
}

static void put_zoom_ends(FILE *out, const struct span *run)
{
    fprintf(out,
            "<text class=\"soft number\" x=\"%d\" y=\"%d\">0x%06" PRIx64
            "</text><text class=\"soft number end\" x=\"%d\" y=\"%d\">0x%06" PRIx64 "</text>\n",
            MARGIN, run->top + run->height + 18, run->from, MARGIN + BAR_WIDTH, run->top + run->height + 18,
            run->to);
}

static void put_legend(FILE *out, int top, const struct espota_map_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int y = top + (int)i * ROW;
        fprintf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"14\" height=\"14\" rx=\"3\"/>",
                classes[parts[i].kind], MARGIN, y - 12);
        fprintf(out, "<text x=\"%d\" y=\"%d\">", MARGIN + 26, y);
        put_text(out, parts[i].name, 40);
        fprintf(out, "</text><text class=\"soft\" x=\"400\" y=\"%d\">", y);
        put_text(out, parts[i].type, 40);
        fprintf(out, "</text><text class=\"number end\" x=\"760\" y=\"%d\">0x%06" PRIx64 "</text>", y,
                parts[i].offset);
        fprintf(out, "<text class=\"number end\" x=\"%d\" y=\"%d\">", MARGIN + BAR_WIDTH, y);
        put_text(out, parts[i].size_text, 24);
        fputs("</text>\n", out);
    }
}

static size_t find_runs(const struct span *whole, const struct espota_map_part *parts, size_t count,
                        struct span runs[ZOOMS])
{
    size_t found = 0;
    for (size_t at = 0; found < ZOOMS; found++) {
        struct span run = { 0, 0, BAR_TOP + ZOOM_STEP * (int)(found + 1), ZOOM_HEIGHT };
        if (!next_run(whole, parts, count, &at, &run))
            break;
        runs[found] = run;
    }
    return found;
}

void espota_ui_map_svg(FILE *out, const char *title, const struct espota_map_part *parts, size_t count,
                       uint64_t total)
{
    struct span whole = { 0, total, BAR_TOP, BAR_HEIGHT }, runs[ZOOMS];
    size_t zooms = find_runs(&whole, parts, count, runs);
    int legend = BAR_TOP + BAR_HEIGHT + 60 + (int)zooms * ZOOM_STEP;
    int height = legend + (int)count * ROW;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
            "role=\"img\">\n<title>",
            WIDTH, height, WIDTH, height);
    put_text(out, title, 200);
    fprintf(out, "</title>\n%s<rect class=\"ground\" width=\"%d\" height=\"%d\" rx=\"10\"/>\n", style, WIDTH,
            height);
    fprintf(out, "<text class=\"title\" x=\"%d\" y=\"42\">", MARGIN);
    put_text(out, title, 100);
    fputs("</text>\n", out);
    for (size_t i = zooms; i-- > 0;)
        put_zoom(out, &whole, &runs[i]);
    put_span(out, &whole, parts, count);
    put_ruler(out, &whole);
    for (size_t i = 0; i < zooms; i++) {
        put_span(out, &runs[i], parts, count);
        put_zoom_ends(out, &runs[i]);
    }
    put_legend(out, legend, parts, count);
    fputs("</svg>\n", out);
}
