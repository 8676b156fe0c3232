#!/usr/bin/env bash
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What has to be done to provision hosts from products that are built, with nothing of the collection.
#
#   tests/bench/provision.sh INVENTORY FORKS CMAKE GCC TORCH APEX HOST...
#
# INVENTORY: of the simulated hosts. FORKS: on how many hosts at once. CMAKE, GCC: archives; TORCH, APEX: wheels.
set -euo pipefail

inventory=$1 forks=$2
export products=("${@:3:4}")
hosts=("${@:7}")

provision() {
    local host=$1 address options key files
    IFS=$'\t' read -r address key options < <(grep -P "^$host\t" "$table" | cut -f2-)
    # As Ansible does: one connection a host.
    options+=" -q -i $key -o ControlMaster=auto -o ControlPersist=60s -o ControlPath=$folder/%C"
    read -ra files <<<"$listed"
    # shellcheck disable=SC2086
    ssh $options "root@$address" mkdir -p /root/products
    # shellcheck disable=SC2086
    scp $options "${files[@]}" "root@$address:/root/products/"
    # shellcheck disable=SC2086
    ssh $options "root@$address" bash -s -- "${files[@]##*/}" <<'HOST'
set -euo pipefail
cd /root/products
for product in "$1 /usr/local/cmake" "$2 /usr/local/linux_gcc7.3.0"; do
    read -r file prefix <<<"$product"
    tree=$prefix-${file%.tar.gz}
    mkdir "$tree"
    tar -xzf "$file" -C "$tree" --no-same-owner
    ln -sfn "$tree" "$prefix"
done
ln -sfn /usr/local/cmake/bin/cmake /usr/bin/cmake
python3.9 -m pip -q install --root-user-action=ignore pyyaml wheel "./$3" 2>/dev/null || python3.9 -m pip -q install pyyaml wheel "./$3"
python3.9 -m pip -q install --no-deps "./$4"
mkdir -p /etc/ascend-pytorch
printf '. /usr/local/Ascend/ascend-toolkit/set_env.sh\nexport LD_LIBRARY_PATH=/usr/local/linux_gcc7.3.0/lib64:$LD_LIBRARY_PATH\n' \
    >/etc/ascend-pytorch/env.sh
cmake --version | grep -q 'cmake version 3.12.1'
[ "$(/usr/local/linux_gcc7.3.0/bin/gcc -dumpfullversion)" = 7.3.0 ]
set +u
. /etc/ascend-pytorch/env.sh
cd /
python3.9 -c 'import apex, torch; print(torch.__version__)' | grep -q '^1.8.1'
rm -rf /root/products
HOST
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
table=$folder/hosts
ansible-inventory -i "$inventory" --list | python3 -c '
import json, sys
for name, known in json.load(sys.stdin)["_meta"]["hostvars"].items():
    print(name, known["ansible_host"], known["ansible_ssh_private_key_file"], known["ansible_ssh_common_args"], sep="\t")
' >"$table"
listed="${products[*]}"
export -f provision
export folder table listed
# What it runs is another shell's.
# shellcheck disable=SC2016
printf '%s\n' "${hosts[@]}" | xargs -P "$forks" -I{} bash -c 'set -euo pipefail; provision "$1"' _ {}
