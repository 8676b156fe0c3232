#!/bin/sh
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Run by sh -eu inside a fresh Debian tree, as root: makes it a host of the fleet.

# The accounts an Ascend host has: the driver's user, and somebody who may use the NPUs but not sudo.
groupadd --gid 1000 HwHiAiUser
useradd --uid 1000 --gid 1000 --create-home --shell /usr/sbin/nologin HwHiAiUser
useradd --uid 1001 --user-group --groups HwHiAiUser --create-home --shell /bin/bash ascend
# Without PAM, sshd takes '!' for a locked account and '*' for one without a password.
usermod --password '*' ascend

# The guide has its reader install wheel with pip; Debian's pip package drags it in.
rm -rf /usr/lib/python3/dist-packages/wheel /usr/lib/python3/dist-packages/wheel-*

# One library for all the vendor's: an ELF file that loads and holds nothing.
mkdir -p /usr/local/lib/ascend-fleet
echo | gcc -shared -fPIC -x c - -o /usr/local/lib/ascend-fleet/libempty.so

# Keys come from the controller, which therefore knows them beforehand.
rm -f /etc/ssh/ssh_host_*
cat > /etc/ssh/sshd_config <<'END'
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/authorized_keys
PasswordAuthentication no
PermitRootLogin prohibit-password
# Sessions start at once: no PAM stack, no look-up of the caller's name, no queue for many parallel callers.
UsePAM no
UseDNS no
MaxStartups 200
MaxSessions 100
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
END

# A container has no console and no disk of its own, and a timer that runs apt would hold its lock during a test.
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer logrotate.timer man-db.timer \
    console-getty.service getty.target systemd-logind.service systemd-udevd.service systemd-networkd.service \
    systemd-resolved.service systemd-timesyncd.service systemd-pstore.service; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done
ln -sf /lib/systemd/system/multi-user.target /etc/systemd/system/default.target
