/* The one file in C++: toml++ reads TOML, with no code of its own in a library (it is all in its header). */
#include "toml_devices.h"

/* Its parser asserts things that a file decides, as of `[=` or of a date that is cut short: that is to end
 * the process nowhere, nor, with NDEBUG, to be taken for granted. */
#undef NDEBUG
struct not_as_asserted {
};
[[noreturn]] static void complain_of_assertion();
#define TOML_ASSERT(condition) ((condition) ? void() : complain_of_assertion())

#define TOML_HEADER_ONLY       1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <cstdio>
#include <new>
#include <string>
#include <string_view>

static void complain_of_assertion()
{
    throw not_as_asserted{};
}

namespace
{

struct wrong {
    toml::source_position at;
    std::string what;
};

struct texts {
    std::string name, address, key, tags, token;
};

const char *pointer(const std::string &text)
{
    return text.empty() ? nullptr : text.c_str();
}

/* What C takes for its end is none of its characters. */
std::string checked(const toml::value<std::string> &value, const std::string &what)
{
    if (value->find('\0') != std::string::npos)
        throw wrong{ value.source().begin, what + " has a NUL in it" };
    return *value;
}

std::string text_of(const toml::table &device, std::string_view key)
{
    const toml::node *node = device.get(key);
    if (!node)
        return {};
    if (!node->is_string())
        throw wrong{ node->source().begin, "'" + std::string(key) + "' of a device is a text, in quotes" };
    return checked(*node->as_string(), "'" + std::string(key) + "'");
}

std::string tag_of(const toml::node &node)
{
    if (!node.is_string())
        throw wrong{ node.source().begin, "a tag is a text, in quotes" };
    std::string tag = checked(*node.as_string(), "a tag");
    if (tag.empty() || tag.find_first_of(" \t") != std::string::npos)
        throw wrong{ node.source().begin, "a tag is one word" };
    return tag;
}

std::string tags_of(const toml::table &device)
{
    const toml::node *node = device.get("tags");
    std::string all;
    if (!node)
        return all;
    if (!node->is_array())
        throw wrong{ node->source().begin, "'tags' of a device are an array: [\"one\", \"other\"]" };
    for (const toml::node &tag : *node->as_array())
        all += (all.empty() ? "" : " ") + tag_of(tag);
    return all;
}

const toml::array *devices_of(const toml::table &document)
{
    const toml::node *node = document.get("device");
    if (node && !node->is_array())
        throw wrong{ node->source().begin, "'device' is no array of tables: each begins with [[device]]" };
    return node ? node->as_array() : nullptr;
}

toml_place place_of(const toml::source_position &at)
{
    return { at.line, at.column };
}

int give(const toml::node &node, int (*take)(void *, const toml_device *), void *context)
{
    if (!node.is_table())
        throw wrong{ node.source().begin, "a device is a table: it begins with [[device]]" };
    const toml::table &table = *node.as_table();
    const texts t{ text_of(table, "name"), text_of(table, "address"), text_of(table, "key"), tags_of(table),
                   text_of(table, "token") };
    const toml_device device{ pointer(t.name),  pointer(t.address), pointer(t.key),
                              pointer(t.token), pointer(t.tags),    place_of(node.source().begin) };
    return take(context, &device);
}

toml_result give_all(std::string_view text, int (*take)(void *, const toml_device *), void *context)
{
    const toml::table document = toml::parse(text);
    const toml::array *devices = devices_of(document);
    if (!devices)
        return TOML_NO_DEVICES;
    for (const toml::node &device : *devices)
        if (give(device, take, context) != 0)
            return TOML_STOPPED;
    return TOML_DONE;
}

toml_result tell(toml_fault *fault, const toml::source_position &at, const char *what)
{
    fault->place = place_of(at);
    std::snprintf(fault->text, sizeof fault->text, "%s", what);
    return TOML_WRONG;
}

} // namespace

extern "C" toml_result toml_devices(const char *text, size_t size, int (*take)(void *, const toml_device *),
                                    void *context, toml_fault *fault)
{
    try {
        return give_all(std::string_view(text, size), take, context);
    } catch (const wrong &w) {
        return tell(fault, w.at, w.what.c_str());
    } catch (const toml::parse_error &e) {
        return tell(fault, e.source().begin, std::string(e.description()).c_str());
    } catch (const not_as_asserted &) {
        return tell(fault, {}, "this is no TOML: is there a '[' too many, or a date cut short?");
    } catch (...) {
        return TOML_NO_MEMORY;
    }
}
