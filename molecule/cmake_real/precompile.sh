#!/bin/sh
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Has this host's g++ read the standard library's headers once, and take them from there: a third of the time that CMake
# takes to compile goes into reading them.
set -eu
header=/srv/std.hpp
mkdir -p "$header.gch"
for name in algorithm array cassert chrono cstdio cstdlib cstring deque fstream functional iomanip iostream iterator list map \
    memory queue set sstream stdexcept string unordered_map unordered_set utility vector; do
    echo "#include <$name>"
done > "$header"
# What is compiled for another standard reads the headers anew. The first is that of CMake's bootstrap, g++ 10's own.
for standard in gnu++14 c++17 gnu++17; do
    g++ "-std=$standard" -x c++-header "$header" -o "$header.gch/$standard"
done
g++ -dumpspecs | sed "/^\*cc1plus:/{n;s|^|-include $header |}" > "$(dirname "$(g++ -print-libgcc-file-name)")/specs"
