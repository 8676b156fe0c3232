#!/usr/bin/env bash
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The guide by hand, on the mirror: what a careful person types, with nothing of the collection. Benchmarks compare
# with it, and it proves that the mirror's sources build.
#
#   tests/mirror/by_hand.sh MIRROR WORK
#
# MIRROR: a folder that make.py wrote, or its http:// address from serve.py. WORK: an empty folder; everything ends there.
# TORCH=1.8.1|1.5.0, PYTHON=3.9, REF=2.0.4.tr5, APEX=yes|no, MIRROR_WORK=N (heavy translation units) may be set.
set -Eeuo pipefail

mirror=${1:?usage: by_hand.sh MIRROR WORK}
work=${2:?usage: by_hand.sh MIRROR WORK}
torch=${TORCH:-1.8.1}
python=${PYTHON:-3.9}
ref=${REF:-2.0.4.tr5}

mkdir -p "$work"
work=$(cd "$work" && pwd -P)
case $mirror in
http*://*)
    base=$mirror
    depth=() # dumb HTTP knows no shallow clones
    fetch() { wget --no-verbose "$base/$1"; }
    ;;
*)
    mirror=$(cd "$mirror" && pwd -P)
    base=file://$mirror
    depth=(--depth=1)
    fetch() { cp "$mirror/$1" .; }
    ;;
esac

mirrored_git() {
    git -c advice.detachedHead=false -c protocol.file.allow=always -c "url.$base/.insteadOf=https://github.com/" "$@"
}

begun=$SECONDS
last=$SECONDS
step() {
    printf '== %-32s %3d s\n' "$1" $((SECONDS - last)) >&3
    last=$SECONDS
}
exec 3>&1 >"$work/by_hand.log" 2>&1
trap 'tail -n 20 "$work/by_hand.log" >&3' ERR

# --- CMake
cd "$work"
fetch cmake-3.12.1.tar.gz
tar -xf cmake-3.12.1.tar.gz
cd cmake-3.12.1/
./configure --prefix="$work/prefix/cmake"
make && make install
export PATH=$work/prefix/cmake/bin:$PATH
cmake --version | grep "cmake version 3.12.1"
step "CMake"

# --- gcc: the guide's line, with what a new glibc and a new host compiler call for
cd "$work"
for file in gcc-7.3.0.tar.gz gmp-6.1.0.tar.bz2 mpfr-3.1.4.tar.bz2 mpc-1.0.3.tar.gz isl-0.16.1.tar.bz2; do
    fetch "$file"
done
tar -zxf gcc-7.3.0.tar.gz
mv -- *.tar.bz2 mpc-1.0.3.tar.gz gcc-7.3.0/
cd gcc-7.3.0
./contrib/download_prerequisites
extra=()
if [[ $(getconf GNU_LIBC_VERSION | cut -d. -f2) -ge 28 ]]; then extra+=(--disable-libsanitizer); fi
if [[ $(gcc -dumpversion | cut -d. -f1) -ge 11 ]]; then extra+=("CXXFLAGS=-g -O2 -std=gnu++14"); fi
./configure --enable-languages=c,c++ --disable-multilib --with-system-zlib --prefix="$work/prefix/linux_gcc7.3.0" \
    ${extra[@]+"${extra[@]}"}
make -j15
make install
export PATH=$work/prefix/linux_gcc7.3.0/bin:$PATH CC=gcc CXX=g++
export LD_LIBRARY_PATH=$work/prefix/linux_gcc7.3.0/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
gcc --version | grep 7.3.0
step "gcc"

# --- PyTorch
cd "$work"
"python$python" -m venv "$work/venv"
export PATH=$work/venv/bin:$PATH
pip3 install pyyaml wheel setuptools
step "pip: pyyaml, wheel"
mirrored_git clone -b "$ref" https://github.com/Ascend/pytorch.git
cd pytorch
mirrored_git clone -b "v$torch" ${depth[@]+"${depth[@]}"} https://github.com/pytorch/pytorch.git
cd pytorch
mirrored_git submodule sync
mirrored_git submodule update --init --recursive
step "PyTorch's sources"
cd ../scripts
bash gen.sh -v "$torch"
cd ../pytorch
[[ -z $(find . -name '*.rej') ]]
grep -v -e '^torchvision' -e '^typing$' requirements.txt >"$work/requirements.txt"
pip3 install -r "$work/requirements.txt"
step "PyTorch's requirements"
bash build.sh --python="$python"
step "PyTorch's wheel"
pip3 install --upgrade "$PWD/dist/torch-$torch+ascend"*.whl
cd "$work"
python3 -c 'import json, torch; print(json.dumps(torch.build_info(), indent=1)); print(torch.__version__)'
step "PyTorch installed"

# --- Apex
if [[ ${APEX:-yes} == yes ]]; then
    cd "$work"
    mirrored_git clone -b "$ref" https://github.com/Ascend/apex.git
    cd apex
    mirrored_git clone https://github.com/NVIDIA/apex.git
    cd apex
    # the one that stands for the guide's commit
    git checkout "$(git log --format=%H --grep="^The guide's" -n 1)"
    cd ../scripts
    bash gen.sh
    cd ../apex
    [[ -z $(find . -name '*.rej') ]]
    python3 setup.py --cpp_ext --npu_float_status bdist_wheel
    pip3 install --upgrade "$PWD/dist/apex-0.1+ascend"*.whl
    cd "$work"
    python3 -c 'import json, apex; print(json.dumps(apex.build_info(), indent=1))'
    python3 "$work/apex/apex/tests/L0/run_test.py"
    step "Apex"
fi
last=$begun
step "all of it"
