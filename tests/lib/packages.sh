# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034 # the lists are for those who source this
# What ./demo and ./check need of Debian 12, and how it gets onto the machine.

packages_build=(gcc libc6-dev meson ninja-build pkg-config git libevent-dev libcurl4-openssl-dev
	libssl-dev libjansson-dev libmnl-dev libseccomp-dev libaudit-dev libsqlite3-dev libarchive-dev
	libsnmp-dev)
packages_run=(python3 python3-cryptography iproute2 nftables curl uidmap util-linux)
packages_check=(libcmocka-dev clang libclang-rt-14-dev clang-format gcovr shellcheck mandoc cppcheck
	codespell python3-pytest python3-pytest-xdist python3-flake8 openssl minisign libfaketime dmidecode
	gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user
	snmpd snmp smitools
	strace iputils-ping procps systemd redfishtool python3-sushy ilorest
	debhelper dh-apparmor dpkg-dev lintian mmdebstrap apparmor chromium fonts-liberation)
# Packages for rpm, the SELinux module and the Ansible play.
packages_rpm=(rpm rpm2cpio rpmlint cpio bzip2 mmdebstrap uidmap make checkpolicy semodule-utils
	libsnmp-dev policycoreutils secilc setools python3-setools selinux-policy-dev selinux-policy-default
	ansible-core ansible-lint build-essential debhelper dh-apparmor minisign)
# What tests/fuzz/coverage needs beside clang: llvm-profdata and llvm-cov. ./check --long only.
packages_coverage=(llvm)
# What the analysers of ./check --long need beside gcc and clang.
packages_analyse=(clang-tidy-19 valgrind)
# What bench/link compares with: fetched and unpacked, never installed (bench/machine.py).
packages_bench=(nginx hitch stunnel4 lldpd chrony qemu-guest-agent haproxy socat)
# The virtual server of tests/vm: QEMU, its disk, and the tools that build our packages.
packages_vm=(qemu-system-x86 qemu-utils seabios mmdebstrap e2fsprogs kmod cpio gzip busybox-static
	util-linux python3-pytest python3-pytest-xdist python3-cryptography build-essential debhelper
	dh-apparmor minisign)

# Which of the named packages are not installed.
packages_missing()
{
	local name
	for name in "$@"; do
		[[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] ||
			echo "$name"
	done
}

# Install what is missing; without root, say the command and fail.
packages_need()
{
	local missing log
	if ! command -v dpkg-query >/dev/null; then
		echo "This is not Debian: these packages (or their like) are expected to be there: $*"
		return 0
	fi
	mapfile -t missing < <(packages_missing "$@")
	[[ ${#missing[@]} -eq 0 ]] && return 0
	if [[ $EUID -ne 0 ]]; then
		echo "Packages are missing. Install them once, as root, and start this again:" >&2
		echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
		return 1
	fi
	echo "Installing ${#missing[@]} packages with apt: ${missing[*]}"
	log=$(mktemp)
	if ! {
		DEBIAN_FRONTEND=noninteractive apt-get -q update &&
			DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends \
				"${missing[@]}"
	} >"$log" 2>&1 </dev/null; then
		tail -20 "$log" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}
