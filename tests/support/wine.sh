#!/bin/sh
# Runs a program of Windows with Wine, whose files are in <folder>:
#   wine.sh <folder> <program> [arguments]
# Before and after, for a server that stays, since each program that has to start one waits until it has ended:
#   wine.sh <folder> --start
#   wine.sh <folder> --stop
set -eu
# Errors of Wine's own, and nothing else of what it has to say.
export WINEPREFIX="$1" WINEDEBUG=-all,err+all WINEDLLOVERRIDES='mscoree,mshtml=' DISPLAY=
shift
case $1 in
--start)
    mkdir -p "$WINEPREFIX"
    wineserver -p </dev/null >/dev/null 2>&1 || [ $? = 2 ] # 2: there is one already
    wineboot -i </dev/null >/dev/null 2>&1
    # COM5 and COM6 are the two ends of a line. Both stay open, since socat ends with the last user of one.
    cd "$WINEPREFIX/dosdevices"
    if command -v socat >/dev/null && ! kill -0 $(cat ../serial_line.pids 2>/dev/null) 2>/dev/null; then
        rm -f com5 com6
        socat pty,raw,echo=0,link=com5 pty,raw,echo=0,link=com6 </dev/null >/dev/null 2>&1 &
        line=$!
        until [ -e com5 ] && [ -e com6 ]; do sleep 0.1; done
        sleep infinity </dev/null >/dev/null 2>&1 3<>com5 4<>com6 &
        echo $line $! >../serial_line.pids
    fi
    exit
    ;;
--stop)
    kill $(cat "$WINEPREFIX/serial_line.pids") 2>/dev/null || true
    rm -f "$WINEPREFIX/serial_line.pids"
    exec wineserver -k
    ;;
esac
# Wine needs the page at 0x7ffe0000, close above its loader, and does not start where Linux has put the loader's heap there:
# about one start in 3000 with the random heaps of Linux 6.9 and later. Containers may forbid to do without.
if setarch -R true 2>/dev/null; then
    exec setarch -R wine "$@"
fi
exec wine "$@"
