#!/bin/sh
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Run by sh -eu inside a container of the bullseye image, as root: makes it a host of the RedHat family with a real dnf,
# whose repository holds small rpm packages made of Debian's binaries.

repository=/usr/share/ascend-fleet/repository
hidden=/usr/share/ascend-fleet/debian
work=$(mktemp -d)
cd "$work" || exit 1

# Packages that are there already: rpm's name and the Debian package that brought it. They hold no files.
present='bash=bash ca-certificates=ca-certificates coreutils=coreutils diffutils=diffutils findutils=findutils
gawk=mawk gcc=gcc gcc-c++=g++ git=git glibc=libc6 glibc-devel=libc6-dev grep=grep gzip=gzip hostname=hostname
iproute=iproute2 make=make openblas=libopenblas0-pthread openblas-devel=libopenblas-dev openssh-server=openssh-server
openssl=openssl openssl-devel=libssl-dev procps-ng=procps python3=python3 python3-devel=python3-dev
python3-dnf=python3-dnf python3-pip=python3-pip python3-setuptools=python3-setuptools sed=sed systemd=systemd tar=tar
util-linux=util-linux which=debianutils zlib=zlib1g zlib-devel=zlib1g-dev'
# Packages that dnf can install: the same names in rpm and Debian, or rpm's name and the Debian packages that it is made of.
offered='bzip2 dos2unix elfutils=elfutils+libasm1+libdw1 file gettext m4=m4+libsigsegv2 patch patchelf rsync unzip xz=xz-utils'

export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends dnf python3-dnf rpm createrepo-c >/dev/null

# Debian's rpm keeps a database per user; a host has one.
mkdir -p /etc/rpm /var/lib/rpm
echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros

rpm_version() { sed -e 's/^[0-9]*://' -e 's/-[^-]*$//' -e 's/-/./g'; }

# describe NAME VERSION: one package of the spec, whose file list the caller goes on with.
describe() {
    printf '%%package -n %s\nVersion: %s\nSummary: %s\nAutoReqProv: no\n%s\n%%description -n %s\n%s\n%%files -n %s\n' \
        "$1" "$2" "$1" "${3:-}" "$1" "$1" "$1"
}

{
    cat <<'END'
# rpm's own after-treatment of binaries needs tools that are not here and nothing to be treated is.
%global debug_package %{nil}
%global __os_install_post %{nil}
Name: ascend-fleet
Version: 1
Release: 1
Summary: Packages of a simulated host
License: GPL-3.0-or-later
%description
Packages of a simulated host.
%install
cp -a %{tree}/. %{buildroot}/
END
    describe openEuler-release 22.03LTS_SP4 'Provides: system-release = 22.03LTS_SP4'
    for pair in $present; do
        describe "${pair%%=*}" "$(dpkg-query -W -f '${Version}' "${pair#*=}" | rpm_version)"
    done
    mkdir tree
    for pair in $offered; do
        mkdir one
        parts=$(echo "${pair#*=}" | tr + ' ')
        describe "${pair%%=*}" "$(apt-cache show "${parts%% *}" | sed -n '/^Version: /{s///p;q}' | rpm_version)"
        for part in $parts; do
            # _apt may not write in a private folder, and need not.
            apt-get -qq -o APT::Sandbox::User=root download "$part"
            dpkg-deb -x "$part"_*.deb one
        done
        rm -rf one/usr/share/doc one/usr/share/man one/usr/share/info one/usr/share/locale one/usr/share/lintian
        # The image has /bin for a link to /usr/bin: a package must not bring a folder of that name.
        for folder in bin lib; do
            if [ -d "one/$folder" ]; then
                mkdir -p "one/usr/$folder"
                cp -a "one/$folder/." "one/usr/$folder/"
                rm -r "one/$folder"
            fi
        done
        (cd one && find . ! -type d | sed -e 's/^\.//' -e 's/.*/"&"/')
        cp -a one/. tree/
        rm -r one
    done
} > fleet.spec

rpmbuild --quiet -bb --define "_topdir $work/rpm" --define "tree $work/tree" fleet.spec > rpmbuild.log 2>&1 ||
    { cat rpmbuild.log >&2; exit 1; }
mkdir -p "$repository"
find rpm/RPMS -name '*.rpm' -exec mv {} "$repository/" \;
createrepo_c --quiet "$repository"

mkdir -p /etc/yum.repos.d
cat > /etc/yum.repos.d/openEuler.repo <<END
[OS]
name=OS
baseurl=file://$repository
enabled=1
gpgcheck=0
END
ln -sf dnf-3 /usr/bin/yum

# Nothing of Debian's package management may be found, or Ansible and others would take it for the host's.
mkdir -p "$hidden"
for path in /usr/bin/apt /usr/bin/apt-* /usr/bin/dpkg /usr/bin/dpkg-* /etc/apt /etc/dpkg /var/lib/dpkg /var/lib/apt; do
    mkdir -p "$hidden${path%/*}"
    mv "$path" "$hidden$path"
done
rm -rf /etc/debian_version /var/cache/apt /etc/os-release
cat > /usr/lib/os-release <<'END'
NAME="openEuler"
VERSION="22.03 (LTS-SP4)"
ID="openEuler"
VERSION_ID="22.03"
PRETTY_NAME="openEuler 22.03 (LTS-SP4)"
ANSI_COLOR="0;31"
END
ln -s ../usr/lib/os-release /etc/os-release
echo 'openEuler release 22.03 (LTS-SP4)' > /etc/openEuler-release

# Through dnf, so that the packages count as installed on purpose, and by that the repository is tried.
dnf -q -y install openEuler-release --releasever=22.03LTS_SP4
for pair in $present; do echo "${pair%%=*}"; done | xargs dnf -q -y install
dnf -q clean all
cd /
rm -rf "$work"
