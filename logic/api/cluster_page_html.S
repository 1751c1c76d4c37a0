/* SPDX-License-Identifier: Apache-2.0 */
/* The page's bytes, as the build found them. */
    .section .rodata
    .globl cluster_page_html
    .globl cluster_page_html_end
cluster_page_html:
    .incbin "logic/api/cluster_page.html"
cluster_page_html_end:
    .byte 0
    .section .note.GNU-stack, "", @progbits
