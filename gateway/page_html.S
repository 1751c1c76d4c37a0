/* SPDX-License-Identifier: Apache-2.0 */
/* The page's bytes, as the build found them. */
    .section .rodata
    .globl page_html
    .globl page_html_end
page_html:
    .incbin "gateway/page.html"
page_html_end:
    .byte 0
    .section .note.GNU-stack, "", @progbits
