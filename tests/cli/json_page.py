"""Documents of --json against the manual page that lists their keys, both ways. Usage: json_page.py PAGE FOLDER MANUALS...

The folder holds what commands printed, as COMMAND.NUMBER, failures as failure.NUMBER, and `unseen`: paths of values that no run
here can show, one a line, with the reason. MANUALS are pages whose examples with jq may name only keys that there are."""

import json
import pathlib
import re
import sys

TYPES = {"string": str, "integer": int, "boolean": bool, "number": (int, float), "object": dict}
failures = {}


def complain(name, text):
    failures.setdefault(name, []).append(text)


class Entry:
    def __init__(self, text):
        words = text.split(",")[0].split()
        self.type, self.nullable = words[0], words[1:] == ["or", "null"]
        if len(words) > 1 and not self.nullable:
            complain("the page", f"not a type: {text}")
        self.words, self.open = set(), False

    def describe(self, line):
        """Words that the value can be; `open`: there are others."""
        if line.startswith(".Cm "):
            self.words.update(word.rstrip(" .,;:") for word in line[4:].split(" , "))
        self.open = self.open or any(more in line for more in ("and so on", "the name of", "for instance"))

    def allows(self, value):
        return self.type != "string" or self.open or not self.words or value is None or value in self.words


def section_of(line):
    """The commands, or the part, that a heading is about."""
    words = line.replace(",", " ").split()
    if words[0] == "partition":
        return words
    # "espota nvs show" is about a command of two words: nvs-show
    # and "espota image --merge" about what it prints with that option: image-merge
    parts = " ".join(words).split("espota")
    return ["-".join(word.lstrip("-") for word in part.split()) for part in parts if part.strip()] if words[0] == "espota" else []


def parse(page):
    """By command: its entries by path, and its examples."""
    everywhere, group, target, entries, examples = {}, {}, None, {}, {}
    group_of, example, commands, entry = {}, None, [], None
    for line in page.splitlines():
        if line.startswith(".Sh "):
            name, commands, group = line[4:].strip('"'), [], {}
            target = everywhere if name == "EVERY DOCUMENT" else group
            if name == "FAILURES":
                commands = ["failure"]
                target = entries.setdefault("failure", {})
        elif line.startswith(".Ss "):
            commands = section_of(line[4:])
            target = {}
            for command in commands:
                entries[command], group_of[command] = target, group
        elif line.startswith(".It Cm ") and " Pq " in line:
            path, kind = line[7:].split(" Pq ", 1)
            if path in target:
                complain("the page", f"{commands}: {path} is listed twice")
            entry = target[path] = Entry(kind)
        elif line == ".El":
            entry = None
        elif entry:
            entry.describe(line)
        elif line.startswith(".Bd"):
            example = []
        elif line.startswith(".Ed"):
            for command in commands:
                examples.setdefault(command, []).append("\n".join(example))
            example = None
        elif example is not None:
            example.append(line)
    return complete(everywhere, group_of, entries), examples


def complete(everywhere, group_of, entries):
    """What every document has, what those of a group have, and parts that several have in common, put in."""
    parts = {"partition": entries.pop("partition")}
    whole = {}
    for command, own in entries.items():
        merged = {**everywhere, **group_of.get(command, {})}
        for path, entry in own.items():
            merged[path] = entry
            for part, fields in parts.items():
                if entry.type == part:
                    entry.type = "object"
                    merged.update({f"{path}.{field}": e for field, e in fields.items()})
        whole[command] = merged
    return whole


def decimals(text):
    if len(text.partition(".")[2]) > 3 or "e" in text.lower():
        raise ValueError(f"{text} is not rounded")
    return float(text)


def walk(value, path, seen):
    """Note all that is there, by path; a list is there with no values when it is empty."""
    if isinstance(value, list):
        seen.setdefault(path + "[]", [])
        for inner in value:
            walk(inner, path + "[]", seen)
        return
    seen.setdefault(path, []).append(value)
    if isinstance(value, dict):
        for key, inner in value.items():
            walk(inner, f"{path}.{key}" if path else key, seen)


def parent(path):
    return path.rpartition(".")[0]


def check(name, text, entries, examined):
    """One document; what it shows goes to `examined`."""
    try:
        document = json.loads(text, parse_float=decimals)
    except ValueError as problem:
        complain(name, f"{problem}: {text}")
        return
    if list(document)[:1] != ["schema"] or document["schema"] != 1:
        complain(name, f"does not begin with schema 1: {text}")
    seen = {}
    walk(document, "", seen)
    seen.pop("")
    for path, values in seen.items():
        entry = entries.get(path)
        if not entry:
            complain(name, f"{path} is not listed")
            continue
        for value in values:
            right = isinstance(value, TYPES[entry.type]) and (entry.type == "boolean") == isinstance(value, bool)
            if not right and not (value is None and entry.nullable):
                complain(name, f"{path}: {value!r} is no {entry.type}")
            elif not entry.allows(value):
                complain(name, f"{path}: {value!r} is none of {sorted(entry.words)}")
    for path in entries:
        above = parent(path)
        there = above == "" or any(isinstance(value, dict) for value in seen.get(above, []))
        if there and path not in seen:
            complain(name, f"{path} is listed, but not there")
    for path, values in seen.items():
        examined.setdefault(path, []).extend(values)


def compare(command, entries, examined, unseen):
    """Was everything that is listed seen, as a value and, where it may be, as null?"""
    for path, entry in entries.items():
        values = examined.get(path, [])
        states = {"null": any(v is None for v in values), "value": any(v is not None for v in values)}
        if not entry.nullable:
            states.pop("null")
        if path == "warnings[]":
            states = {"value": path in examined}
        for state, there in states.items():
            excused = f"{command} {path} {state}" in unseen
            if there == excused:
                complain(command, f"{path} {state}: " + ("excused, but seen" if there else "listed, but no run showed it"))


def check_jq(manuals, entries):
    """Keys that examples with jq name."""
    for manual in manuals:
        for line in pathlib.Path(manual).read_text().splitlines():
            found = re.search(r"espota (\w+) (\w*).*--json.*\| *jq (.*)", line)
            if not found:
                continue
            fields = entries.get(f"{found[1]}-{found[2]}") or entries[found[1]]
            known = {key.strip("[]") for path in {**fields, **entries["failure"]} for key in path.split(".")}
            for key in re.findall(r"\.([a-z_]\w*)", found[3]):
                if key not in known:
                    complain("the page", f"{manual}: no key {key}: {line}")


def main(page, folder, *manuals):
    entries, examples = parse(pathlib.Path(page).read_text())
    unseen = {line.split(":")[0] for line in (pathlib.Path(folder) / "unseen").read_text().splitlines()}
    for command, fields in entries.items():
        examined = {}
        for example in examples.get(command) or [complain(command, "has no example") or "{}"]:
            check(command, example, fields, {})
        runs = sorted(pathlib.Path(folder).glob(f"{command}.*"))
        for run in runs:
            check(command, run.read_text(), fields, examined)
        if f"{command} * value" in unseen:
            print(f"ok - {command} prints what espota-json(7) lists # SKIP not run here")
            continue
        compare(command, fields, examined, unseen)
        if command not in failures:
            print(f"ok - {command} prints what espota-json(7) lists, in {len(runs)} runs")
    for run in pathlib.Path(folder).iterdir():
        if run.name != "unseen" and run.name.split(".")[0] not in entries:
            complain("the page", f"has nothing of {run.name}")
    check_jq([page, *manuals], entries)
    if "the page" not in failures:
        print("ok - espota-json(7) is well made")
    for name, texts in failures.items():
        print(f"not ok - {name} prints what espota-json(7) lists")
        print("\n".join("# " + line for text in dict.fromkeys(texts) for line in text.splitlines()))


main(*sys.argv[1:])
