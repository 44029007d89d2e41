#!/usr/bin/env python3
"""check_layers.py ROOT: whether every source reaches only the layers below its own, directly or through other headers.
check_layers.py --selftest: whether the check notices what it is there for."""
import fnmatch
import os
import re
import sys
import tempfile

# Layer: where its files are, and which layers it may reach besides itself and the standard library. A file belongs to the first
# layer that names it. What a layer may reach, those above it reach through it.
LAYERS = {
    "base": (
        ["include/ferrule/{bytes,deadline,error,limits,native_handle}.hpp", "include/ferrule/detail/export.hpp", "src/base/*"],
        []),
    "socket_like": (["include/ferrule/socket_like.hpp"], ["base"]),
    "framing contract": (["include/ferrule/framing/{framing,short_list}.hpp"], ["base"]),
    "multiprocessing": (
        ["include/ferrule/python/multiprocessing/*", "src/multiprocessing/*"],
        ["net", "process", "framing"]),
    "framing": (
        ["include/ferrule/framing/*", "include/ferrule/python/*", "include/ferrule/detail/field_names.hpp", "framing/*"],
        ["base", "framing contract"]),
    "platform": (
        ["include/ferrule/platform/*", "include/ferrule/detail/{fork_generation,socket_settings,datagram_settings}.hpp",
         "platform/*"],
        ["base", "socket_like"]),
    "net": (["include/ferrule/net/*", "include/ferrule/detail/{accepted,connection_options}.hpp", "src/net/*"], ["core", "platform"]),
    "process": (["include/ferrule/process/*", "src/process/*"], ["core", "platform"]),
    "client": (["include/ferrule/client/*", "src/client/*"], ["net", "process"]),
    "testing": (["include/ferrule/testing/*", "src/testing/*"], ["umbrella", "multiprocessing", "client"]),
    "umbrella": (["include/ferrule/ferrule.hpp"], ["net", "process", "framing"]),
    "core": (
        ["include/ferrule/*.hpp", "include/ferrule/detail/*", "src/core/*"],
        ["base", "socket_like", "framing contract", "platform"]),
}

# (file, header): the reason why the file may reach it although its layer may not.
EXCEPTIONS = {
    ("include/ferrule/message.hpp", "include/ferrule/framing/varint.hpp"): "the framing of messages unless another is named",
    ("include/ferrule/net/datagrams.hpp", "include/ferrule/framing/none.hpp"): "the framing of datagrams unless another is named",
    ("src/client/call.cpp", "framing/separators.hpp"): "several lines are looked for as one is",
    ("src/core/read_operation.cpp", "framing/separators.hpp"): "recv_until looks for separators as the framings do",
    ("src/testing/expect.cpp", "platform/per_thread.hpp"): "what a failed check says belongs to its thread",
}

# Libraries that the files of a pattern may include, besides the standard library; the first pattern counts.
LIBRARIES = [
    ("{include/ferrule/,}framing/json.*", "boost/json/"),
    ("include/ferrule/framing/msgpack.hpp", "msgpack.hpp time.h"),
    ("include/ferrule/framing/checksummed.hpp", "boost/crc.hpp"),
    ("include/ferrule/{client/async_client,net/async_server,python/multiprocessing/async_manager}.hpp", "boost/asio"),
    ("{include/ferrule/python,framing/python}/*", "boost/json/ boost/multiprecision/cpp_int.hpp boost/uuid/"),
    ("{include/ferrule/framing,framing}/*", "boost/container/small_vector.hpp"),
    ("include/ferrule/detail/field_names.hpp", "boost/pfr/"),
    ("include/ferrule/{asio,asio_stream,buffered_writer,detail/async_core}.hpp", "boost/asio"),
    ("include/ferrule/error.hpp", "boost/system/"),
    ("include/*", ""),
    ("src/base/*", "boost/system/"),
    ("platform/*", "*"),
    ("src/*", "boost/"),
]

# Public headers that reach Asio, and with it headers of the system. A program that only blocks includes none of them.
REACHES_ASIO = {"include/ferrule/" + h for h in
                ("asio.hpp", "asio_stream.hpp", "buffered_writer.hpp", "client/async_client.hpp", "ferrule.hpp", "detail/async_core.hpp",
                 "net/async_server.hpp",
                 "python/multiprocessing/async_manager.hpp")}


def matches(path, pattern):
    """Whether a pattern with {alternatives} names the path; * stands for any number of folders."""
    group = re.search(r"\{([^}]*)\}", pattern)
    if group:
        return any(matches(path, pattern[:group.start()] + a + pattern[group.end():]) for a in group[1].split(","))
    return fnmatch.fnmatchcase(path, pattern)


def layer_of(path):
    for layer, (patterns, _) in LAYERS.items():
        if any(matches(path, p) for p in patterns):
            if layer == "core" and path.startswith("include/") and path.count("/") > 2 and "/detail/" not in path:
                break
            return layer
    return None


def below(layer):
    """The layer and all that it may reach."""
    found = {layer}
    for other in LAYERS[layer][1]:
        found |= below(other)
    return found


class Tree:
    def __init__(self, root):
        self.problems = []
        self.used = set()  # of EXCEPTIONS
        self.includes = {}  # file: [(line, form, name)]
        for top in ("include", "framing", "platform", "src"):
            for folder, _, names in os.walk(os.path.join(root, top)):
                for name in names:
                    if re.search(r"\.[ch]pp$", name) and "toolchains" not in folder:
                        path = os.path.join(folder, name)
                        self.includes[os.path.relpath(path, root)] = self.read(path)

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        return [(text.count("\n", 0, m.start()) + 1, m[1], m[2])
                for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)', text, re.M)]

    def file_of(self, form, name):
        path = name if form == '"' else "include/" + name
        return path if path in self.includes else None

    def is_excepted(self, file, header):
        if (file, header) in EXCEPTIONS:
            self.used.add((file, header))
            return True
        return False

    def complain(self, file, line, name, why):
        self.problems.append(f"{file}:{line}: {name}: {why}")

    def check(self):
        for file, includes in sorted(self.includes.items()):
            if layer_of(file) is None:
                self.complain(file, 1, file, "belongs to no layer")
            else:
                for line, form, name in includes:
                    self.check_include(file, line, form, name)
        return self.problems

    def check_include(self, file, line, form, name):
        if form == '"' and file.startswith("include/"):
            self.complain(file, line, name, "public headers include with <>: nothing outside include/ is installed")
        elif form == '"' and not name.startswith(("framing/", "platform/", "src/")):
            self.complain(file, line, name, "private headers are spelled from the root of the repository")
        elif form == '"' and re.match(r"platform/(posix|windows|openssl)/", name) and not file.startswith("platform/"):
            self.complain(file, line, name, "only platform/ names a system")
        elif file.startswith(("platform/posix/", "platform/windows/")) and name.startswith("platform/") \
                and name.split("/")[1] in ("posix", "windows") and name.split("/")[1] != file.split("/")[1]:
            self.complain(file, line, name, "belongs to another system")
        elif form == '"' and layer_of(file) == "testing" and layer_of(name) != "testing" \
                and not self.is_excepted(file, name):
            self.complain(file, line, name, "what tests users' types is made of what is public")
        elif self.file_of(form, name):
            self.check_reached(file, line, self.file_of(form, name))
        elif form == "<" and not re.fullmatch(r"[a-z0-9_]+", name):
            self.check_library(file, line, name)

    def check_reached(self, file, line, header):
        """Names the header through which a layer is reached that should not be."""
        allowed = below(layer_of(file))
        seen, waiting = set(), [(header, [header])]
        while waiting:
            at, way = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            if layer_of(at) not in allowed and not any(self.is_excepted(f, at) for f in [file, *way]):
                self.complain(file, line, " -> ".join(way),
                              f"{layer_of(file)} may not reach {layer_of(at)}")
                return
            if file.startswith("include/") and file not in REACHES_ASIO and at in REACHES_ASIO:
                self.complain(file, line, " -> ".join(way), "a program that only blocks does not reach Asio")
                return
            for _, form, name in self.includes[at]:
                if self.file_of(form, name):
                    waiting.append((self.file_of(form, name), way + [self.file_of(form, name)]))

    def check_library(self, file, line, name):
        for pattern, libraries in LIBRARIES:
            if matches(file, pattern):
                if not any(l == "*" or name.startswith(l) for l in libraries.split()):
                    self.complain(file, line, name, "not a library of this layer; see LIBRARIES")
                return


# (file, what it includes, whether it may)
SELFTEST = [
    ("framing/a.cpp", "<ferrule/framing/lines.hpp>", True),
    ("framing/a.cpp", "<boost/asio/buffer.hpp>", False),
    ("framing/a.cpp", "<ferrule/reader.hpp>", False),
    ("framing/a.cpp", "<unistd.h>", False),
    ("framing/a.cpp", "<boost/json/value.hpp>", False),
    ("framing/a.cpp", "<ferrule/framing/through.hpp>", False),
    ("framing/json.cpp", "<boost/asio/buffer.hpp>", False),
    ("include/ferrule/framing/json.hpp", "<msgpack.hpp>", False),
    ("include/ferrule/framing/json.hpp", "<boost/json/value.hpp>", True),
    ("include/ferrule/framing/msgpack.hpp", "<msgpack.hpp>", True),
    ("include/ferrule/framing/a.hpp", "<ferrule/reader.hpp>", False),
    ("include/ferrule/error.hpp", "<ferrule/socket_like.hpp>", False),
    ("platform/posix/a.cpp", "<sys/socket.h>", True),
    ("platform/posix/a.cpp", '"platform/os.hpp"', True),
    ("platform/posix/a.cpp", '"platform/windows/handle.hpp"', False),
    ("platform/posix/a.cpp", '"src/core/channel.hpp"', False),
    ("platform/posix/a.cpp", "<ferrule/reader.hpp>", False),
    ("platform/process.hpp", "<ferrule/process/spawn.hpp>", False),
    ("src/core/a.cpp", "<boost/asio/post.hpp>", True),
    ("src/core/a.cpp", '"platform/os.hpp"', True),
    ("src/core/a.cpp", '"platform/posix/fd.hpp"', False),
    ("src/core/a.cpp", '"a.hpp"', False),
    ("src/core/a.cpp", "<sys/socket.h>", False),
    ("src/core/a.cpp", "<ferrule/framing/lines.hpp>", False),
    ("src/core/a.cpp", '"src/net/resolve.hpp"', False),
    ("src/net/a.cpp", '"src/core/channel.hpp"', True),
    ("src/net/a.cpp", "<ferrule/process/spawn.hpp>", False),
    ("src/process/a.cpp", '"src/net/resolve.hpp"', False),
    ("src/multiprocessing/a.cpp", '"src/net/resolve.hpp"', True),
    ("src/testing/a.cpp", "<ferrule/reader.hpp>", True),
    ("src/testing/a.cpp", '"src/core/channel.hpp"', False),
    ("src/elsewhere/a.cpp", "<vector>", False),
    ("include/ferrule/elsewhere/a.hpp", "<vector>", False),
    ("include/ferrule/asio.hpp", "<boost/asio/awaitable.hpp>", True),
    ("include/ferrule/detail/async_core.hpp", "<boost/asio/awaitable.hpp>", True),
    ("include/ferrule/reader.hpp", "<boost/asio/awaitable.hpp>", False),
    ("include/ferrule/reader.hpp", "<ferrule/asio.hpp>", False),
    ("include/ferrule/reader.hpp", "<poll.h>", False),
    ("include/ferrule/reader.hpp", '"src/core/channel.hpp"', False),
]


def selftest():
    others = {"include/ferrule/framing/through.hpp": "<ferrule/message.hpp>"}
    for _, include, _ in SELFTEST:
        name = include[1:-1]
        if name.startswith(("ferrule/", "src/", "platform/")):
            others.setdefault(name if include[0] == '"' else "include/" + name, "<vector>")
    others["include/ferrule/message.hpp"] = "<vector>"
    wrong = 0
    for file, include, may in SELFTEST:
        with tempfile.TemporaryDirectory() as root:
            for path, what in {**others, file: include}.items():
                os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                    f.write(f"// first line\n\n  # include {what} // why\n")
            said = [p for p in Tree(root).check() if p.startswith(file + ":")]
            if bool(said) == may:
                wrong += 1
                print(f"{file} {'may' if may else 'must not'} include {include}; the check said {said}")
    return wrong


if __name__ == "__main__":
    if sys.argv[1] == "--selftest":
        sys.exit(selftest() != 0)
    tree = Tree(sys.argv[1])
    found = tree.check()
    found += [f"{file}: does not need its exception for {header}" for file, header in EXCEPTIONS.keys() - tree.used]
    print("\n".join(found))
    sys.exit(bool(found))
