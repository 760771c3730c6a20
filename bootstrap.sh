#!/bin/sh
# Makes this checkout runnable on a fresh Debian or Raspberry Pi OS, then runs a command in it.
#
#   sh bootstrap.sh run  [COMMAND…]   what the agent and its demo need
#   sh bootstrap.sh dev  [COMMAND…]   the linters and type checkers beside it
#   sh bootstrap.sh test [COMMAND…]   everything the tests need: a browser, a broker, a film clip
#   sh bootstrap.sh bench [COMMAND…]  the same, and other software that ours is held against
#
# Python packages go into .venv (with PYTHON=python3.13 set: into .venv-3.13), in the versions and with
# the hashes of config/requirements*.txt. Debian packages are installed only where their command or
# library is missing, as root or through sudo; nothing else on the machine is changed.
# It is silent when there is nothing to do, and does nothing twice.
set -eu

cd "$(dirname "$0")"
here=$(pwd)
PATH=$PATH:/usr/sbin:/sbin
export PATH

say() { echo "bootstrap: $*" >&2; }
fail() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
have_library() { ldconfig -p 2>/dev/null | grep -qF "$1 "; }

# Runs a talkative command; shows what it said only if it fails.
quietly() {
    said=$(mktemp)
    if "$@" >"$said" 2>&1 </dev/null; then
        rm -f "$said"
    else
        status=$?
        tail -n 30 "$said" >&2
        rm -f "$said"
        return "$status"
    fi
}

# --- Debian packages -------------------------------------------------------------------------------

as_root=
may_install() {
    have apt-get || return 1
    [ "$(id -u)" -ne 0 ] || return 0
    have sudo || return 1
    as_root=sudo
    sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }
}

lists_are_fresh=
refresh_lists() {
    [ -z "$lists_are_fresh" ] || return 0
    lists_are_fresh=yes
    quietly $as_root apt-get -qq -o DPkg::Lock::Timeout=300 update || say "the package lists could not be refreshed; going on with the old ones"
}

# Debian 13 renamed it.
glib_package() {
    if apt-cache show libglib2.0-0t64 >/dev/null 2>&1; then echo libglib2.0-0t64; else echo libglib2.0-0; fi
}

# apt_install PACKAGE…: false when nobody here may install, or apt cannot.
apt_install() {
    may_install || return 1
    refresh_lists
    say "installing Debian packages: $*"
    quietly $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@" || return 1
    for service in mosquitto motion; do
        case " $* " in *" $service "*) silence "$service" ;; esac
    done
}

# silence SERVICE: the demo, the tests and the bench start their own; the package's was not here before, so it goes again.
silence() {
    if [ -d /run/systemd/system ]; then
        quietly $as_root systemctl disable --now "$1.service" || return 0
    elif [ -e "/etc/init.d/$1" ]; then
        quietly $as_root service "$1" stop || :
        quietly $as_root update-rc.d "$1" disable || :
    fi
    say "Debian's own $1 service was switched off again; 'systemctl enable --now $1' brings it back"
}

# --- Python ----------------------------------------------------------------------------------------

# Sets $python and $version.
find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))' 2>/dev/null) || continue
        python=$candidate
        return
    done
    return 1
}

need_python() {
    [ "$(getconf LONG_BIT)" = 64 ] || fail "this is a 32-bit system; Counter Agent needs a 64-bit one (OpenCV and NumPy are not published for 32 bits)."
    if [ -z "${PYTHON:-}" ] && ! have python3; then
        apt_install python3 python3-venv || :
    fi
    find_python || fail "${PYTHON:-python3} does not run here or is older than Python 3.11; Counter Agent needs Debian 12, Raspberry Pi OS 12 or later, or PYTHON=… naming a newer one."
    if [ -n "${PYTHON:-}" ]; then venv=.venv-$version; else venv=.venv; fi
}

# A checkout that was moved keeps scripts that point to its old place; an upgraded system keeps a Python that is gone.
venv_is_sound() {
    [ "$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$version" ] &&
        head -n 2 "$venv/bin/pip" 2>/dev/null | grep -qF "$here/$venv/bin/python"
}

need_venv() {
    ! venv_is_sound || return 0
    [ ! -d "$venv" ] || say "$venv does not work here (moved, or its Python is gone); making it anew"
    rm -rf "$venv"
    quietly "$python" -m venv "$venv" || fail "'$python -m venv' failed (above)."
}

pip_install() {
    "$venv/bin/python" -m pip --disable-pip-version-check --no-input install --quiet --progress-bar off "$@"
}

# need_packages run|dev
need_packages() {
    lock=config/requirements.txt
    [ "$1" = run ] || lock=config/requirements-dev.txt
    wanted=$(cat setup.cfg pyproject.toml config/requirements.txt config/requirements-dev.txt | sha256sum | cut -c1-32)
    installed=$(cat "$venv/.installed" 2>/dev/null || :)
    case $installed in "$1 $wanted" | "dev $wanted") return 0 ;; esac
    say "installing $(grep -c '^[a-z].*==' "$lock") Python packages into $venv; this may take some minutes"
    rm -f "$venv/.installed"
    quietly pip_install --require-hashes --only-binary :all: -r "$lock" || fail "pip could not install $lock (above). Is there a network?"
    # The build system comes from the lock too: nothing is downloaded to build this package.
    quietly pip_install --no-deps --no-build-isolation -e . || fail "pip could not install this checkout (above)."
    echo "$1 $wanted" >"$venv/.installed"
}

# --- What the tests need besides -------------------------------------------------------------------

# A public surveillance clip from Debian's package opencv-doc: one file of it is kept, the package is not installed.
need_clip() {
    inside=usr/share/doc/opencv-doc/examples/data/vtest.avi
    kept=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/counter-agent/vtest.avi
    for clip in "${COUNTER_AGENT_CLIP:-}" "/$inside" "$kept"; do
        [ -s "$clip" ] && break
        clip=
    done
    if [ -z "$clip" ] && have apt-get; then
        say "fetching the film clip of the camera tests (95 MB, once)"
        ! may_install || refresh_lists
        mkdir -p "$(dirname "$kept")"
        scratch=$(mktemp -d)
        # The `_apt` user downloads for root, and must be able to write here.
        chmod 755 "$scratch"
        if (cd "$scratch" && quietly apt-get -qq -o APT::Sandbox::User=root download opencv-doc &&
            dpkg-deb --fsys-tarfile opencv-doc_*.deb | tar -xf - "./$inside" && mv "./$inside" "$kept.part") &&
            mv "$kept.part" "$kept"; then
            clip=$kept
        fi
        rm -rf "$scratch"
    fi
    [ -n "$clip" ] || { say "no film clip: the camera tests that need it will not run"; return 0; }
    COUNTER_AGENT_CLIP=$clip
    export COUNTER_AGENT_CLIP
}

# --- The sets --------------------------------------------------------------------------------------

must=   # packages without which there is no going on
may=    # packages without which some tests do not run

look_for_run() {
    have_library libGL.so.1 || must="$must libgl1"
    have_library libgthread-2.0.so.0 || must="$must $(glib_package)"
    have mosquitto || must="$must mosquitto"
}

look_for_test() {
    have chromium || may="$may chromium"
    have strace || may="$may strace"
    have systemd-analyze || may="$may systemd"
    [ -e /usr/share/fonts/truetype/noto/NotoSans-Regular.ttf ] || may="$may fonts-noto-core"
}

look_for_bench() {
    have motion || may="$may motion"
    /usr/bin/python3 -c 'import gi; gi.require_version("GstRtspServer", "1.0")' 2>/dev/null ||
        may="$may python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
}

need_debian_packages() {
    venv_is_sound || "$python" -c 'import ensurepip, venv' 2>/dev/null || {
        if [ -n "${PYTHON:-}" ]; then must="$must python$version-venv"; else must="$must python3-venv"; fi
    }
    case $1 in run | test | bench) look_for_run ;; esac
    case $1 in test | bench) look_for_test ;; esac
    case $1 in bench) look_for_bench ;; esac
    [ -n "$must$may" ] || return 0
    # shellcheck disable=SC2086 # lists of package names
    if apt_install $must $may; then return 0; fi
    if have apt-get; then
        say "cannot install packages here (not root, no sudo, or apt failed above). Ask an administrator to run:"
        say "    apt-get install --no-install-recommends$must$may"
    else
        say "this system has no apt-get; what Debian calls$must$may must be installed first."
    fi
    [ -z "$must" ] || exit 1
    say "going on without$may: the tests and figures that need it will be left out"
}

set_name=${1:-}
case $set_name in
run | dev | test | bench) shift ;;
*) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

need_python
need_debian_packages "$set_name"
need_venv
case $set_name in run) need_packages run ;; *) need_packages dev ;; esac
case $set_name in test | bench) need_clip ;; esac

[ $# -gt 0 ] || exit 0
PATH=$here/$venv/bin:$PATH
exec "$@"
