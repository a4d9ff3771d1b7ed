#include "print.h"
#include "board.h"

void print_number(uint32_t number)
{
    char text[11], *at = text + 10;
    *at = 0;
    do *--at = (char)('0' + number % 10);
    while (number /= 10);
    board_text(at);
}

void print_hex(uint32_t number)
{
    char text[9];
    for (int k = 0; k < 8; k++) text[k] = "0123456789abcdef"[number >> (28 - 4 * k) & 15];
    text[8] = 0;
    board_text(text);
}

void print_decimal(float number)
{
    const uint32_t thousandths = (uint32_t)((number < 0.0f ? -number : number) * 1000.0f + 0.5f);
    char digits[5] = {'.', (char)('0' + thousandths / 100 % 10), (char)('0' + thousandths / 10 % 10),
                      (char)('0' + thousandths % 10), 0};
    if (number < 0.0f) board_text("-");
    print_number(thousandths / 1000);
    board_text(digits);
}

void print_list(const lfrec_scored *list, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        board_text("  film ");
        print_number(list[k].item);
        board_text("  ");
        print_decimal(list[k].score);
        board_text("\n");
    }
}

void print_reasons(uint32_t item, const lfrec_explanation *explanation)
{
    board_text("why film ");
    print_number(item);
    board_text(": ");
    print_decimal(explanation->baseline);
    for (size_t k = 0; k < explanation->count; k++) {
        board_text(explanation->reasons[k].share < 0.0f ? " " : " +");
        print_decimal(explanation->reasons[k].share);
        board_text(" (film ");
        print_number(explanation->reasons[k].item);
        board_text(")");
    }
    board_text("\n");
}

int print_failed(const char *what, lfrec_status status)
{
    if (status == LFREC_OK) return 0;
    board_text(what);
    board_text(": ");
    board_text(lfrec_status_string(status));
    board_text("\n");
    return 1;
}
