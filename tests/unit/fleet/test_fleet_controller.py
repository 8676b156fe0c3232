# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the controller's own settings are read."""

import configparser

from fleet.controller import CA_IN_HOST, apt_conf, ca_bundle, debian_mirror, pip_conf, sources_list
from hypothesis import given
from hypothesis import strategies as st

TARGETS = """\
http://mirror.invalid/debian-security/ bookworm-security
http://tools.invalid/apt/ nodistro
http://mirror.invalid/debian/ bookworm-updates
http://mirror.invalid/debian/ bookworm
"""


def read(text):
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return dict(parser["global"])


def test_environment_wins_over_files_and_local_folders_stay_here():
    told = """\
:env:.index-url='https://near.invalid/simple'
:env:.default-timeout='180'
:env:.find-links='/opt/wheels'
global.cert='/etc/other.pem'
global.extra-index-url='file:///opt/index https://more.invalid/simple'
global.index-url='https://far.invalid/simple'
install.user='true'
"""
    assert read(pip_conf(told)) == {
        "cert": CA_IN_HOST,
        "extra-index-url": "https://more.invalid/simple",
        "index-url": "https://near.invalid/simple",
        "timeout": "180",
    }


def test_without_settings_a_host_still_knows_the_certificates():
    assert read(pip_conf("")) == {"cert": CA_IN_HOST}


@given(st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126)), max_size=4))
def test_no_index_of_this_machines_disk_reaches_a_host(words):
    conf = read(pip_conf(f"global.extra-index-url={' '.join(words)!r}\n"))
    kept = conf.get("extra-index-url", "").split()
    assert kept == [word for word in words if word and not word.startswith(("/", "file:"))]


def test_the_mirror_is_where_the_whole_release_comes_from():
    bookworm = {"ID": "debian", "VERSION_CODENAME": "bookworm"}
    assert debian_mirror(TARGETS, bookworm) == "http://mirror.invalid/debian"
    assert sources_list("http://mirror.invalid/debian", "bullseye") == "deb http://mirror.invalid/debian bullseye main"


def test_a_machine_that_is_not_debian_or_has_no_sources_has_no_debian_mirror():
    assert debian_mirror(TARGETS, {"ID": "ubuntu", "VERSION_CODENAME": "bookworm"}) == ""
    assert debian_mirror("", {"ID": "debian", "VERSION_CODENAME": "bookworm"}) == ""


def test_apt_settings_are_those_about_reaching_a_mirror():
    shared = ['Acquire::Check-Date "false";', 'Acquire::http::Proxy "http://p:1";']
    assert apt_conf("\n".join(['APT::Architecture "amd64";', *shared, 'Acquire::cdrom "";'])) == shared


def test_the_bundle_is_the_first_named_one_that_exists(tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text("certificates")
    assert ca_bundle({"PIP_CERT": str(tmp_path / "none"), "SSL_CERT_FILE": str(bundle)}) == bundle
