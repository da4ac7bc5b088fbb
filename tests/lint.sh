#!/usr/bin/env bash
# clang-format, clang-tidy, cppcheck, shellcheck, mandoc. Everything must be clean.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t c_files < <(find include src firmware tests examples -name '*.[ch]' -o -name '*.cpp' | sort)
# what needs ESP-IDF's headers is beyond clang-tidy here
mapfile -t sources < <(find src firmware tests -name '*.c' -not -path 'firmware/port/esp-idf/*' | sort)
mapfile -t scripts < <({ find tests completions man firmware -name '*.sh'; find .ci -type f; } | sort)
read -r -a flags <<<"${CPPFLAGS:-} ${LIB_CFLAGS:-}"
flags+=(-Isrc -Itests -Ifirmware/port/bare -Ifirmware/port/stub -Ifirmware/port/virt -DSTUB_CHIP=esp32 '-DSTUB_CHIP_SOURCE="../chip/esp32.c"' -DSTUB_RING=32768 -std=c11)

echo "layers"
tests/layers.sh "${BUILD:-build}/obj"
echo "fixtures"
if grep -l cmocka tests/fixtures/*; then
    echo "fixtures: built where cmocka is not installed: they may not use it"
    exit 1
fi
echo "neutral"
tests/neutral.sh
echo "clang-format"
clang-format --dry-run -Werror "${c_files[@]}"
echo "clang-tidy"
printf '%s\0' "${sources[@]}" |
    xargs -0 -P "$(nproc)" -n 8 sh -c 'clang-tidy --quiet "$@" -- '"$(printf '%q ' "${flags[@]}")"' 2>/dev/null' sh
# the one file in C++
clang-tidy --quiet src/cli/*.cpp -- -Isrc -std=c++17 -fno-rtti 2>/dev/null
echo "cppcheck"
# sizeofFunctionCall: coder.h has it, so that what is not worked out counts as used
cppcheck --quiet --enable=warning,portability,performance --inline-suppr --error-exitcode=1 --std=c11 \
    --suppress=missingIncludeSystem --suppress=internalAstError --suppress=ctuuninitvar --suppress=sizeofFunctionCall -Iinclude -Ifirmware/agent/include -Isrc \
    -Ifirmware/port/posix src firmware
echo "shellcheck"
shellcheck -x -S warning "${scripts[@]}" completions/espota.bash
echo "mandoc"
mandoc -T lint -W warning man/*.[17]
echo "lint: clean"
