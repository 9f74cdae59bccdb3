"""Phrases about where things are: files, folders, paths, addresses, commands, and where results go."""

from __future__ import annotations

from pathlib import PurePosixPath

from orrery.planners.rules.cursor import Cursor
from orrery.planners.rules.frame import FileSet, Target, Test
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.vocabulary import FILE_NOUNS, FILE_TYPES, FOLDER_NOUNS, IN_FOLDER, LANGUAGES

_FORMS = {
    "csv": "csv",
    "tsv": "tsv",
    "json": "json",
    "jsonl": "jsonl",
    "markdown": "md",
    "md": "md",
    "text": "txt",
    "txt": "txt",
    "png": "png",
    "svg": "svg",
    "ndjson": "jsonl",
}
_INTO = ("to", "into", "onto", "as", "in", "at", "under", "inside")
_CODE = ("code", "source", "sourcecode", "source code", "script")
_SINKS = ("write", "append", "copy", "convert", "make", "chart", "fetch", "merge", "send")


def target(c: Cursor) -> bool:
    """ "to out.txt", "as JSON", "into the folder backup", "in a file called x.txt"."""
    token = c.at()
    if (
        token.is_word("called", "named")
        and c.at(1).kind in ("path", "quoted")
        and (c.frame.chart or c.intent in _SINKS)
    ):
        c.next()
        named = c.next()
        if c.frame.targets and not c.frame.targets[-1].path:
            c.frame.targets[-1].path = named.text
        else:
            c.frame.targets.append(Target("called", named.text, token=named))
        return True
    if not token.is_word(*_INTO):
        return False
    ahead = 1
    while c.at(ahead).is_word("the", "a", "an", "new", "my", "our", "its", "own", "one", "single", "this", "that"):
        ahead += 1
    word = token.text.lower()
    here = c.at(ahead)
    of_files = word == "in" and c.at(ahead + 1).is_word(*FILE_NOUNS) and c.at(ahead + 1).text.lower().endswith("s")
    if here.word in _FORMS and here.kind == "word" and word in ("to", "into", "as", "in") and not of_files:
        return _form(c, word, ahead, here)
    sinks = c.intent in _SINKS or bool(c.frame.chart) or word in ("to", "into", "onto", "as")
    if here.is_word("file", "document", "image", "picture", "folder", "directory") and sinks:
        noun = here.word
        ahead += 1
        while c.at(ahead).is_word("called", "named", "by", "name", "of", "the"):
            ahead += 1
        named = c.at(ahead)
        if named.kind in ("path", "quoted") or (noun in FOLDER_NOUNS and named.kind == "word"):
            c.next(ahead + 1)
            path = named.text + "/" if noun in FOLDER_NOUNS and not named.text.endswith("/") else named.text
            c.frame.targets.append(Target(word, path, token=named))
            return True
        if word in ("to", "into") and noun == "file":
            c.next(ahead)
            c.frame.targets.append(Target(word, token=here))
            return True
        return False
    if here.kind == "url" and word in ("to", "at"):
        c.next(ahead + 1)
        c.frame.targets.append(Target(word, here.text, token=here))
        return True
    is_place = here.kind == "path" or (here.kind == "quoted" and word in ("to", "into", "onto", "as") and sinks)
    if is_place and (word in ("to", "into", "onto", "as") or _is_output(c, here)):
        c.next(ahead + 1)
        if c.at().is_word(*FOLDER_NOUNS):
            c.next()
        c.frame.targets.append(Target(word, here.text, token=here))
        return True
    if here.kind == "word" and word in ("to", "into", "in", "onto") and c.intent in ("copy", "write", "fetch", "make"):
        follows = c.at(ahead + 1)
        if (
            follows.is_word(*FOLDER_NOUNS)
            or (word != "in" and c.around.kind(here.text) == "folder")
            or (c.intent == "copy" and word in ("to", "into") and follows.kind == "stop" and here.word not in _FORMS)
        ):
            c.next(ahead + (2 if follows.is_word(*FOLDER_NOUNS) else 1))
            c.frame.targets.append(Target(word, here.text + "/", token=here))
            return True
    return False


def _form(c: Cursor, word: str, ahead: int, here: Token) -> bool:
    c.next(ahead + 1)
    if c.at().is_word("file", "document", "format", "table", "text", "image", "list", "picture"):
        c.next()
    path = ""
    while c.at().is_word("called", "named", "in", "at"):
        c.next()
        if c.at().kind in ("path", "quoted"):
            path = c.next().text
    c.frame.targets.append(Target(word, path, _FORMS[here.word], here))
    return True


def _is_output(c: Cursor, here: Token) -> bool:
    """Whether "in x.txt" is where something goes: after a verb that writes, unless the file is what is read."""
    if c.intent in ("write", "append", "make") or c.frame.chart:
        suffix = PurePosixPath(here.text).suffix.lower()
        if c.frame.chart or c.intent == "chart":
            return suffix in (".png", ".svg")
        exists = c.around.kind(here.text) != "missing"
        return not exists or not (c.frame.measures or c.frame.levels or c.frame.aggregates or c.frame.unit)
    return False


def without(c: Cursor) -> bool:
    """ "except README.md", "excluding the tests folder", "but not *.min.js", "ignoring hidden files"."""
    if not c.take(
        "except for",
        "except",
        "excluding",
        "exclude",
        "but not",
        "apart from",
        "other than",
        "not counting",
        "besides",
        "leaving out",
        "ignoring",
        "skipping",
        "skip",
        "omitting",
        "not including",
        "and not",
        "without",
    ):
        return False
    begin, found = c.place, False
    while not c.done:
        c.skip_articles("one", "in", "under", "called", "named", "file")
        token = c.at()
        if token.is_word("case"):
            c.frame.ignore_case = True
            c.next()
            found = True
        elif token.kind in ("path", "glob", "quoted"):
            _leave_out(c, c.next().text)
            found = True
        elif token.kind == "suffix":
            _leave_out(c, f"*.{c.next().word}")
            found = True
        elif token.word in FILE_TYPES and c.at(1).is_word(*FILE_NOUNS):
            for suffix in FILE_TYPES[token.word]:
                _leave_out(c, f"*{suffix}")
            c.next(2)
            found = True
        elif token.is_word("hidden"):
            c.next()
            found = True
        elif token.is_word("test") and c.at(1).is_word("file"):
            _leave_out(c, "test_*")
            c.next(2)
            found = True
        elif token.kind == "word" and (
            c.at(1).is_word(*FOLDER_NOUNS)
            or c.around.kind(token.text) != "missing"
            or c.around.kind(f"{c.frame.files.folder if c.frame.files else ''}/{token.text}".lstrip("/")) != "missing"
        ):
            _leave_out(c, c.next().text)
            if c.at().is_word(*FOLDER_NOUNS):
                c.next()
            found = True
        else:
            break
        if c.at().is_word("and", "or", "nor") or c.at().text == ",":
            c.next()
        else:
            break
    if not found:
        c.place = begin - 1
        while not c.at().is_word(
            "except",
            "excluding",
            "without",
            "but",
            "and",
            "besides",
            "ignoring",
            "skip",
            "apart",
            "other",
            "not",
            "leaving",
            "skipping",
            "omitting",
            "exclude",
        ):
            c.place -= 1
        return False
    return True


def _leave_out(c: Cursor, what: str) -> None:
    files(c).without.append(what.rstrip("/"))


def files(c: Cursor) -> FileSet:
    """The frame's file set, made on first use."""
    if c.frame.files is None:
        c.frame.files = FileSet()
    return c.frame.files


def file_set(c: Cursor) -> bool:
    """ "every Python file", "the *.log files", "Markdown and text documents", ".py files", "CSVs"."""
    place = 0
    suffixes: list[str] = []
    patterns: list[str] = []
    called: list[str] = []
    while True:
        token = c.at(place)
        if token.kind == "word" and token.word in FILE_TYPES:
            more, name = FILE_TYPES[token.word], token.text.lower()
            suffixes += more
        elif token.kind == "suffix":
            suffixes.append(f".{token.word}")
            name = token.text
        elif token.kind == "glob":
            patterns.append(token.text)
            name = token.text
        else:
            break
        called.append(name)
        place += 1
        joined = c.at(place).is_word("and", "or") or c.at(place).text in (",", "/")
        following = c.at(place + 1)
        if joined and (following.kind in ("suffix", "glob") or following.word in FILE_TYPES):
            place += 1
        elif not (following.kind in ("suffix", "glob") and c.at(place).is_word("and", "or")):
            break
    head = c.at(place)
    plural_type = place > 0 and c.at(place - 1).kind == "word" and c.at(place - 1).text.lower() != c.at(place - 1).word
    if not place and head.is_word(*FILE_NOUNS) and not c.column_here()[1]:
        if c.at(1).kind in ("path", "quoted") or (
            c.at(1).is_word("called", "named") and c.at(2).kind in ("path", "quoted")
        ):
            return False
        if head.is_word("table", "source", "page", "program", "module") and not c.frame.each:
            return False
        if head.is_word("script", "module", "source", "program"):
            suffixes, called = [".py"], ["Python"]
        if c.at(-1).is_word("the", "that", "this") and head.text.lower() == head.word:  # "the file"
            return False
        if c.frame.files is not None and head.text.lower() != head.word and not c.frame.files.folders:
            c.next()  # "for each folder in src, the number of files"
            return True
        if c.frame.files is not None or c.frame.paths:
            return False
        place = 1
    elif (place and head.is_word(*FILE_NOUNS, *FOLDER_NOUNS)) or (place and (c.at(place).is_word(*_CODE))):
        place += 1
    elif place == 1 and c.at(-1).is_word("of") and c.frame.measures and c.at().word in LANGUAGES and not suffixes[1:]:
        pass  # "lines of Python"
    elif place and (patterns or any(c.at(at).kind == "suffix" for at in range(place)) or plural_type):
        pass
    elif head.is_word(*FOLDER_NOUNS, "subfolder", "subdirectory") and head.text.lower() != head.word and not place:
        files(c).folders = True
        place = 1
    else:
        return False
    if c.at(place - 1).word in ("file", "script") and c.at(-1).is_word("a", "an") and c.intent in ("write", "make"):
        return False
    found = files(c)
    found.suffixes = tuple(dict.fromkeys([*found.suffixes, *suffixes]))
    found.patterns += patterns
    if called:
        found.called = " and ".join(called) + " files"
    c.next(place)
    return True


def folder(c: Cursor) -> bool:
    """ "under src", "in the logs folder", "in this directory", "here", "inside notes/"."""
    token = c.at()
    first = c.place == 0 and token.kind == "word" and not c.at(-1).is_word("of") and c.intent == "if"
    if first and not c.column_here()[1] and c.around.kind(token.text) == "folder":
        return _set_folder(c, 1, token.text)
    if token.is_word("here") and (c.frame.files is not None):
        c.next()
        return True
    if not token.is_word(*IN_FOLDER, "of", "at", "across", "throughout"):
        return False
    ahead = 1
    while c.at(ahead).is_word("the", "my", "our", "a", "whole", "entire", "all", "every"):
        ahead += 1
    here, following = c.at(ahead), c.at(ahead + 1)
    if here.is_word("this", "current", "working", "same") and following.is_word(*FOLDER_NOUNS, "working"):
        c.next(ahead + (3 if following.is_word("working") else 2))
        files(c)
        return True
    if here.is_word("here"):
        c.next(ahead + 1)
        return True
    if here.is_word("each", "which", "any", "it", "them", "what"):
        return False
    if here.is_word(*FOLDER_NOUNS) and following.kind in ("word", "path", "quoted") and not following.is_word("and"):
        if following.is_word("called", "named"):
            ahead, following = ahead + 1, c.at(ahead + 2)
        return _set_folder(c, ahead + 2, following.text)
    if here.kind in ("word", "path", "quoted") and following.is_word(*FOLDER_NOUNS, "tree"):
        return _set_folder(c, ahead + 2, here.text)
    if here.kind == "path" and (here.text.endswith("/") or here.text in (".", "..", "~", "./") or _is_folder(c, here)):
        return _set_folder(c, ahead + 1, here.text)
    if here.kind in ("word", "quoted") and c.around.kind(here.text) == "folder":
        return _set_folder(c, ahead + 1, here.text)
    is_name = here.kind == "word" and c.frame.files is not None and following.kind == "stop" and not here.is_word("it")
    if is_name and token.is_word("under", "inside", "within", "below", "beneath") and not c.frame.files_folder_known:
        return _set_folder(c, ahead + 1, here.text)
    if here.kind == "path" and "." not in PurePosixPath(here.text).name and not token.is_word("of"):
        return _set_folder(c, ahead + 1, here.text)
    return False


def _is_folder(c: Cursor, here: Token) -> bool:
    return c.around.kind(here.text) == "folder"


def _set_folder(c: Cursor, count: int, path: str) -> bool:
    found = files(c)
    begin = c.place
    token = c.tokens[begin + count - 1]
    c.next(count)
    path = path.rstrip("/") or "/"
    path = "" if path == "." else path
    if found.folder and path not in found.more_folders:
        found.more_folders.append(path)
    else:
        found.folder = path
    while c.at().is_word("and", "or") or c.at().text == ",":
        ahead = 2 if c.at(1).is_word("under", "in", "the") else 1
        if c.around.kind(c.at(ahead).text) != "folder" or c.at(ahead).kind not in ("word", "path"):
            break
        c.next(ahead)
        found.more_folders.append(c.next().text.rstrip("/"))
        c.take("folder", "directory")
    c.frame.folder_token = token
    if c.take("and its subfolders", "and its subdirectories", "and below", "and subfolders", "including subfolders"):
        found.deep = True
    return True


def depth(c: Cursor) -> bool:
    """ "recursively", "directly", "at the top level", "including hidden files", "and its subfolders"."""
    if c.take(
        "recursively",
        "recursive",
        "and its subfolders",
        "and all subfolders",
        "and its subdirectories",
        "and below",
        "anywhere",
        "including subfolders",
        "in all subfolders",
        "and subdirectories",
        "whole tree",
    ):
        return True
    if c.take("directly", "not recursively", "non recursively", "top level", "at the top level", "immediate"):
        files(c).deep = False
        return True
    if c.take("including hidden", "include hidden", "even hidden", "hidden"):
        files(c).hidden = True
        if c.at().is_word("file", "one"):
            c.next()
        return True
    return False


def name_test(c: Cursor) -> bool:
    """ "named test_*", "whose name contains 'x'", "ending in .py", "with the extension .md", "starting with test_"."""
    tests = c.frame.tests
    if c.take(
        "with extension",
        "with the extension",
        "with suffix",
        "with the suffix",
        "with the ending",
        "of type",
        "ending in",
        "ending with",
        "that end in",
        "that end with",
        "whose name end in",
        "whose name end with",
        "whose names end in",
        "whose names end with",
        "with names ending in",
    ):
        token = c.at()
        if token.kind in ("suffix", "glob"):
            found = files(c)
            found.suffixes = (*found.suffixes, f".{c.next().word}")
            return True
        if token.kind in ("quoted", "word", "path"):
            files(c)
            tests.append(Test("name", "ends", c.next().text, token))
            return True
    starts = (
        "starting with",
        "beginning with",
        "that start with",
        "that begin with",
        "whose name start with",
        "whose name begin with",
        "whose names start with",
        "whose names begin with",
        "prefixed with",
    )
    contains = (
        "whose name contain",
        "whose names contain",
        "with a name containing",
        "whose filename contain",
        "whose name include",
        "with names containing",
        "with name containing",
    )
    about_files = c.frame.files is not None and not c.frame.unit
    for phrases, test in ((contains, "contains"), (starts, "starts")):
        begin = c.place
        if (test == "contains" or about_files) and c.take(*phrases):
            token = c.at()
            if token.kind in ("quoted", "word", "path"):
                tests.append(Test("name", test, c.next().text, token))
                return True
            c.place = begin
    begin = c.place
    if about_files and c.take("named", "called", "whose name match", "matching the pattern", "matching"):
        token = c.at()
        if token.kind == "glob":
            files(c).patterns.append(c.next().text)
            return True
        if token.kind in ("path", "quoted", "word") and not token.is_word("the"):
            files(c).patterns.append(f"**/{c.next().text}")
            return True
        c.place = begin
    return False


def path(c: Cursor) -> bool:
    """ "sales.csv", "the file notes/todo.txt", "README"."""
    begin = c.place
    if c.at().is_word("file", "document", "script", "table", "log", "folder", "directory") or c.at().word in FILE_TYPES:
        ahead = 1
        if c.at(ahead).is_word("file", "log"):
            ahead += 1
        if c.at(ahead).is_word("called", "named", "at"):
            ahead += 1
        if c.at(ahead).kind in ("path", "quoted"):
            c.next(ahead)
    token = c.at()
    is_file = token.kind == "path" or (token.kind == "quoted" and c.place > begin)
    if token.kind == "word" and not c.column_here()[1] and token.text[:1].isupper():
        is_file = c.around.kind(token.text) in ("text", "log") and "/" not in token.text
    if (
        token.kind == "quoted"
        and "." in token.text
        and " " not in token.text
        and c.around.kind(token.text) != "missing"
    ):
        is_file = True
    if not is_file:
        c.place = begin
        return False
    c.next()
    if c.around.kind(token.text) == "folder" or token.text.endswith("/"):
        found = files(c)
        found.folder = token.text.rstrip("/")
        c.frame.folder_token = token
        if c.at().is_word(*FOLDER_NOUNS):
            c.next()
        return True
    is_new = c.around.kind(token.text) == "missing" or (not c.around.is_seen and _is_made_with_text(c))
    if c.intent in ("make", "write") and is_new and not c.frame.targets:
        c.frame.targets.append(Target("called", token.text, token=token))
        return True
    c.frame.paths.append((token.text, token))
    if c.at().is_word("file", "document", "log", "table"):
        c.next()
    return True


def _is_made_with_text(c: Cursor) -> bool:
    """ "Create hello.txt with 'hi'": the file that is made, where nobody sees whether there is one."""
    said = c.frame.measures or c.frame.levels or c.frame.aggregates or c.frame.unit or c.frame.chart
    begins = all(token.is_word("a", "an", "the", "new", "file", "called", "named") for token in c.tokens[: c.place - 1])
    return c.intent == "make" and begins and not said and any(token.kind == "quoted" for token in c.tokens[c.place :])


def url(c: Cursor) -> bool:
    """ "https://example.org/data.json"."""
    if c.at().kind != "url":
        return False
    c.frame.urls.append(c.next().text)
    return True
