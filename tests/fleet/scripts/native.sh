#!/bin/sh
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# native.sh NATIVE HOST TRIPLET: give an emulated host's tree the programs that cost most under emulation as this machine's own.
#
# NATIVE is a tree of the same release for this machine, with git and the cross compiler for the host: the compiler proper,
# assembler and linker of that make the same files as the host's own. All that starts them stays the host's: the kernel runs each
# program as what it is. TRIPLET is the host's, such as aarch64-linux-gnu.
set -eu
native=$1 host=$2 triplet=$3
here=$(uname -m)-linux-gnu
# Where programs of this machine look for it; in the native tree that is a link to the one among the libraries.
loader=$(cd "$native" && find lib64 lib -maxdepth 1 -name 'ld-linux-*.so.*' 2>/dev/null | head -n 1)
own_loader=$native/lib/$here/${loader##*/}
libraries=$native/lib/$here:$native/usr/lib/$here

# Puts a program of the native tree in the place of one of the host, with the libraries that it needs.
put() {
    [ -e "$host/$2" ]
    cp --remove-destination "$native/$1" "$host/$2"
    "$own_loader" --library-path "$libraries" --list "$native/$1" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' |
        while read -r library; do
            cp --no-clobber --dereference "$library" "$host/usr/lib/$here/"
        done
}

mkdir -p "$host/usr/lib/$here" "$host/$(dirname "$loader")"
cp --dereference "$own_loader" "$host/$loader"
for folder in "$host/usr/lib/gcc/$triplet"/*; do
    version=${folder##*/}
    for program in cc1 cc1plus; do
        put "usr/lib/gcc-cross/$triplet/$version/$program" "usr/lib/gcc/$triplet/$version/$program"
    done
    # The linker loads it.
    plugin=liblto_plugin.so.0.0.0
    cp "$native/usr/lib/gcc-cross/$triplet/$version/$plugin" "$host/usr/lib/gcc/$triplet/$version/$plugin"
    # Where a cross compiler looks for headers.
    ln -s "../../$triplet/c++/$version" "$host/usr/include/c++/$version/$triplet"
done
ln -s gcc "$host/usr/lib/gcc-cross"
mkdir "$host/usr/$triplet"
ln -s ../include "$host/usr/$triplet/include"
put "usr/bin/$triplet-as" "usr/bin/$triplet-as"
put "usr/bin/$triplet-ld.bfd" "usr/bin/$triplet-ld.bfd"
put usr/bin/git usr/bin/git
for program in "$host"/usr/lib/git-core/git*; do
    name=${program##*/}
    # Most are links to git itself, or scripts.
    if [ ! -h "$program" ] && [ -f "$native/usr/lib/git-core/$name" ] && [ "$(head -c 4 "$program" | tail -c 3)" = ELF ]; then
        put "usr/lib/git-core/$name" "usr/lib/git-core/$name"
    fi
done
