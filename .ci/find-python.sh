# Sourced by the Makefile: sets PYTHON to an interpreter that can make .venv, or says what is missing.
usable() { # Python >= 3.11 that can make a virtual environment with pip in it
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13 python3.14}; do
    if usable "$candidate"; then
        PYTHON=$candidate
        return 0
    fi
done
cat >&2 <<'MESSAGE'
axec needs Python 3.11 or newer with its venv module, and found none.
  Debian, Ubuntu:  sudo apt install python3 python3-venv
  Fedora:          sudo dnf install python3
  elsewhere:       make PYTHON=/path/to/python3.12 ...
MESSAGE
return 1
