# sizes.awk - bytes in flash and RAM by whose they are, from a map file of GNU ld: the library, and apart from it what it has for saving and
# viewing models and the words for its statuses; libgcc, the program, the model.
BEGIN { saving = "lfrec__?(save|load|view)|lfrec__(crc|put|get32|get_float|file_|fill_h|flush|write|parse_|take_h|read|magic|row_word|row_scale|packed_word)" }
/^Linker script and memory map/ { placed = 1 }
!placed { next }
/^ [.*][^ ]*$/ { section = $1; next } # a long name has its numbers on the next line
/^ [.][^ ]+ +0x/ { section = $1; sub(/^ [^ ]+/, "") }
section != "" && $1 ~ /^0x/ && $2 ~ /^0x/ && NF >= 3 {
    size = hexadecimal($2)
    file = $3
    owner = file ~ /libgcc/ ? "libgcc" : file ~ /\/lfrec\.o/ ? library_part() : file ~ /\/model\.o/ ? "model" : "program"
    if (section ~ /^\.(text|rodata|vectors|ARM)/) flash[owner] += size
    if (section ~ /^\.data/) { flash[owner] += size; ram += size }
    if (section ~ /^\.bss/) ram += size
}
{ section = "" }
function library_part() {
    return section ~ saving ? "saving" : section ~ /status_string|rodata\.str1/ ? "words" : "library"
}
function hexadecimal(text,    k, value) {
    for (k = 3; k <= length(text); k++) value = 16 * value + index("0123456789abcdef", tolower(substr(text, k, 1))) - 1
    return value
}
END {
    printf "library %d\nsaving %d\nwords %d\nlibgcc %d\nprogram %d\n", flash["library"], flash["saving"], flash["words"], flash["libgcc"], flash["program"]
    if (flash["model"]) printf "model %d\n", flash["model"]
    printf "RAM %d\n", ram
}
