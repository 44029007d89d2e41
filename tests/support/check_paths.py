#!/usr/bin/env python3
"""check_paths.py ROOT: whether each public header has its source and its unit test at the paths that its own path tells.

    include/ferrule/net/address.hpp    src/net/address.cpp    tests/unit/net/address.cpp

The folder of a source, without src/, is the folder of the unit test, or has it in its folder posix/ where it asks for what only
such systems have. A source includes its header first, so that the header is
seen to stand alone. The headers in detail/ are parts of those that include them. The paths in src/README.md exist, too."""
import os
import re
import sys

# Public folder: where the sources are; the first that holds one counts.
SOURCES = {
    "": ["src/core", "src/base"],
    "framing": ["framing"],
    "python": ["framing/python"],
    "python/multiprocessing": ["src/multiprocessing", "src/multiprocessing/posix"],
    "platform": ["platform", "platform/posix", "platform/tls", "platform/serial"],
    "net": ["src/net"],
    "client": ["src/client"],
    "process": ["src/process"],
    "testing": ["src/testing"],
}

INLINE = "templates and inline functions only"
# Headers without a source at that path, and why.
NO_SOURCE = {
    "asio": "templates over src/core/async.cpp",
    "asio_stream": INLINE,
    "deadline": INLINE,
    "duplex": INLINE,
    "ferrule": "an umbrella",
    "framing/fixed_size": INLINE,
    "framing/checksummed": INLINE,
    "framing/framed": INLINE,
    "framing/framing": INLINE,
    "framing/generated": INLINE,
    "framing/limited": INLINE,
    "framing/lines": INLINE,
    "framing/msgpack": INLINE,
    "framing/multiprocessing": INLINE,
    "framing/multiprocessing_pipe": INLINE,
    "framing/nul": INLINE,
    "framing/progress": INLINE,
    "framing/short_list": INLINE,
    "framing/wrapped": INLINE,
    "limits": INLINE,
    "message": INLINE,
    "client/tls_connector": INLINE,
    "net/async_server": INLINE,
    "native_handle": INLINE,
    "pair": INLINE,
    "python/convert": INLINE,
    "python/multiprocessing/async_manager": INLINE,
    "python/visit": INLINE,
    "reader": INLINE,
    "socket_like": "the systems' ends: platform/posix/descriptor.cpp, platform/windows/descriptor.cpp",
    "testing/connection_kind": INLINE,
    "testing/export": "macros",
    "writer": INLINE,
}
# Headers without a unit test at that path, and why.
NO_TEST = {
    "asio": "tests/contract/async_tokens.cpp",
    "ferrule": "an umbrella",
    "framing/msgpack_bytes": "tests/unit/framing/msgpack.cpp: it is what frames msgpack objects",
    "framing/wrapped": "tests/unit/framing/limited.cpp, progress.cpp: what it is made for",
    "native_handle": "a type and a constant",
    "python/multiprocessing/async_manager": "tests/integration/python_manager.cpp",
    "testing/connection_kind": "tests/support/kinds.cpp describes every kind with it",
    "testing/export": "macros",
    "testing/schedules": "tests/contract/schedules.cpp runs them on every kind",
    "testing/socket_contract": "tests/contract/suite.cpp runs it on every kind",
}


def folder_of(header):
    return os.path.dirname(os.path.relpath(header, "include/ferrule"))


def check(root):
    problems = []
    headers = sorted(os.path.relpath(os.path.join(f, n), root)
                     for f, _, ns in os.walk(os.path.join(root, "include")) for n in ns)
    for header in headers:
        if folder_of(header) == "detail":
            continue
        name = os.path.relpath(header, "include/ferrule")[:-4]
        folders = SOURCES.get(folder_of(header))
        if folders is None:
            problems.append(f"{header}: its folder has no sources; see SOURCES")
            continue
        base = os.path.basename(header)[:-4] + ".cpp"
        sources = [f"{f}/{base}" for f in folders]
        source = next((s for s in sources if os.path.exists(os.path.join(root, s))), None)
        if (source is None) != (name in NO_SOURCE):
            problems.append(f"{header}: " + (f"no {' or '.join(sources)}" if source is None else f"{source} exists: not an exception"))
        if source is not None:
            with open(os.path.join(root, source), encoding="utf-8") as f:
                first = re.search(r"^#include.*", f.read(), re.M)[0]
            if first != f"#include <{header[8:]}>":
                problems.append(f"{source}: does not include {header} first")
        units = {"tests/unit/" + re.sub("^src/|/posix$", "", f) for f in folders}
        tests = sorted(f"{u}/{system}{base}" for u in units for system in ("", "posix/"))
        test = next((t for t in tests if os.path.exists(os.path.join(root, t))), None)
        if (test is None) != (name in NO_TEST):
            problems.append(f"{header}: " + (f"no {' or '.join(tests)}" if test is None else f"{test} exists: not an exception"))
    return problems


def check_map(root):
    """The paths that src/README.md names."""
    with open(os.path.join(root, "src/README.md"), encoding="utf-8") as f:
        named = re.findall(r"`((?:include|src|framing|platform|tests)/[\w./]*)`", f.read())
    return [f"src/README.md: there is no {n}" for n in named if "/X." not in n and not os.path.exists(os.path.join(root, n))]


if __name__ == "__main__":
    found = check(sys.argv[1]) + check_map(sys.argv[1])
    print("\n".join(found))
    sys.exit(bool(found))
