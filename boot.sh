#! /bin/sh
# Makes "configure" and "Makefile.in" out of configure.ac and Makefile.am.
set -e
cd "$(dirname "$0")"

missing=
for tool in autoreconf:autoconf automake:automake pkg-config:pkg-config; do
    command -v "${tool%:*}" >/dev/null || missing="$missing ${tool#*:}"
done
if test -n "$missing"; then
    echo "$0: missing Debian packages:$missing" >&2
    exit 1
fi

exec autoreconf --install --force
