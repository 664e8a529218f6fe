// The guest side of a test: runs the steps that a tester left in memory and logs what happens.
//
// Position independent, no stack, no exclusives, aligned accesses only (with the MMU off all memory is Device
// memory). Every core writes its own block and its own log; the one word that others may write (WAIVED) only
// decides how long somebody waits. All numbers come from layout.py.
//
// sp  holds the core's block, always: the vectors and the code behind a conduit instruction need one register
//     that they can trust, and SP is preserved by every SMCCC call
// x19 index of the step, x20 its address, x23 the exchange area, x24 the number of cores
// x29 return address of routines that call others; x0-x18, x25-x28 scratch

        .include "layout.inc"

        .equ    GICD_CTLR,       0x000
        .equ    GICD_ISENABLER,  0x100
        .equ    GICD_IPRIORITYR, 0x400
        .equ    GICD_SGIR,       0xf00
        .equ    GICD_CPENDSGIR,  0xf10
        .equ    GICC_CTLR,       0x00
        .equ    GICC_PMR,        0x04
        .equ    GICC_IAR,        0x0c
        .equ    GICC_EOIR,       0x10
        .equ    GICC_HPPIR,      0x18
        .equ    SGIR_MYSELF,     2 << 24
        .equ    PRIORITY_WAKE,   0x40
        .equ    PRIORITY_RING,   0xa0
        .equ    MASK_RING,       0x80           // PMR: wake interrupts reach the core, rings and timers do not
        .equ    MASK_NOTHING,    0xff
        .equ    MASK_ALL,        0x00

        .equ    LOOKS,           64             // at other cores, between two looks at the counter
        .equ    EL2_BIT,         3              // of CurrentEL

// The system counter. At EL1 the virtual one (the physical one may trap), at EL2 the physical one, because each
// core has its own virtual offset there.
        .macro  STAMP reg, scratch
        isb
        mrs     \scratch, CurrentEL
        tbnz    \scratch, #EL2_BIT, 7701f
        mrs     \reg, cntvct_el0
        b       7702f
7701:   mrs     \reg, cntpct_el0
7702:
        .endm

// \dst = microseconds in the header field, as ticks; x3 the frequency, x4 one million
        .macro  TICKS field, slot
        ldr     w0, [x23, #\field]
        mul     x0, x0, x3
        udiv    x0, x0, x4
        str     x0, [sp, #\slot]
        .endm

        .text
        .globl  _start
_start:
        b       boot
        .word   0
        .quad   TEXT_OFFSET
        .quad   IMAGE_SIZE
        .quad   0xa                             // little endian, 4 KiB pages, anywhere in memory
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .word   0

        .org    CONFIG_OFFSET
config: .word   0

        .macro  VECTOR number
        .balign 0x80
        stp     x0, x1, [sp, #C_FAULT_SAVE]
        mov     x0, #\number
        b       fault
        .endm

        .org    VECTORS_OFFSET
vectors:
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        VECTOR  \n
        .endr

        .org    SLOTS_OFFSET
        .rept   SLOTS
        bl      common_entry
        .endr

// One to one, by blocks of 1 GiB: one of them is memory (normal, write back), the rest is devices (never executed).
        .equ    BLOCK_NORMAL,    (1 << 10 | 3 << 8 | 1 << 2 | 1)
        .equ    BLOCK_DEVICE,    (1 << 54 | 1 << 53 | 1 << 10 | 0 << 2 | 1)
        .balign 0x1000
tables:
        .set    gib, 0
        .rept   512
        .if     gib == MMU_NORMAL_GIB
        .quad   gib << 30 | BLOCK_NORMAL
        .else
        .quad   gib << 30 | BLOCK_DEVICE
        .endif
        .set    gib, gib + 1
        .endr

// ---------------------------------------------------------------------------------------------- a core begins

boot:
        mov     x10, x0
        adr     x11, _start
        mov     w12, #KIND_BOOT
        b       arrive

common_entry:                                   // every entry slot is `bl common_entry`
        mov     x10, x0
        sub     x11, x30, #4
        mov     w12, #KIND_ENTER

arrive:                                         // x10 = x0, x11 = pc, w12 = kind; everything else is free
        mrs     x13, CurrentEL
        tbnz    x13, #EL2_BIT, 1f
        mrs     x14, sctlr_el1
        b       2f
1:      mrs     x14, sctlr_el2
2:      lsr     x13, x13, #2
        mrs     x15, daif
        mrs     x16, spsel
        mrs     x17, mpidr_el1
        mrs     x18, cntfrq_el0
        STAMP   x19, x20

        msr     daifset, #0xf
        msr     spsel, #1
        adr     x0, vectors
        cmp     x13, #2
        b.eq    3f
        msr     vbar_el1, x0
        b       4f
3:      msr     vbar_el2, x0
4:      isb
        adr     x21, _start
        ldr     w1, [x21, #CONFIG_OFFSET]
        tst     w1, #CONFIG_MMU
        ccmp    x13, #1, #0, ne                 // only at EL1
        b.ne    5f
        bl      map_memory
5:      and     x23, x21, #~(BLOCK_ALIGNMENT - 1)
        mov     x1, #EXCHANGE_DISTANCE
        add     x23, x23, x1
        cmp     w12, #KIND_BOOT
        b.ne    6f
        bl      wait_until_armed
6:
        // Which core is this? The MPIDR's affinity fields, in the table of the header.
        ldr     w24, [x23, #H_CORES]
        mov     w0, #MAX_CORES
        cmp     w24, w0
        csel    w24, w24, w0, lo
        movz    x0, #0xffff
        movk    x0, #0x00ff, lsl #16
        movk    x0, #0x00ff, lsl #32
        and     x1, x17, x0
        add     x2, x23, #H_MPIDRS
        mov     w3, #0
7:      cmp     w3, w24
        b.hs    8f
        ldr     x4, [x2], #8
        cmp     x4, x1
        b.eq    9f
        add     w3, w3, #1
        b       7b
8:      mov     w3, #STRANGER
9:      mov     x0, #CORE_SIZE
        add     x1, x23, #CORES_OFFSET
        madd    x1, x3, x0, x1
        mov     sp, x1
        str     w3, [sp, #C_INDEX]
        str     x23, [sp, #C_EXCHANGE]
        str     x18, [sp, #C_FREQUENCY]
        mov     x0, #STEPS_SIZE
        mov     x1, #STEPS_OFFSET
        add     x1, x1, x23
        madd    x1, x3, x0, x1
        str     x1, [sp, #C_STEP_BASE]
        mov     x0, #LOG_SIZE
        mov     x1, #LOGS_OFFSET
        add     x1, x1, x23
        madd    x1, x3, x0, x1
        str     x1, [sp, #C_LOG]
        mov     x3, x18
        movz    x4, #(1000000 & 0xffff)
        movk    x4, #(1000000 >> 16), lsl #16
        TICKS   H_SHORT_US, C_SHORT
        TICKS   H_LONG_US, C_LONG
        TICKS   H_SPIN_US, C_SPIN
        TICKS   H_MEET_US, C_MEET
        bl      set_up_gic

        bl      log_begin
        str     w12, [x0, #R_KIND]
        str     x19, [x0, #R_T0]
        str     x19, [x0, #R_T1]
        stp     x11, x10, [x0, #R_REGS]
        stp     x13, x14, [x0, #R_REGS + 16]
        stp     x15, x16, [x0, #R_REGS + 32]
        stp     x17, x18, [x0, #R_REGS + 48]
        bl      log_commit

        // A core that comes back is done with the call that it left by, and nobody needs to wait for it.
        ldr     w0, [sp, #C_NEXT]
        str     w0, [sp, #C_PROGRESS]
        str     wzr, [sp, #C_WAIVED]
        ldr     w0, [sp, #C_ENTRIES]
        add     w0, w0, #1
        str     w0, [sp, #C_ENTRIES]
        mov     w0, #STATUS_RUNNING
        str     w0, [sp, #C_STATUS]
        dmb     ish
        mov     w0, #0xff
        bl      ring
        bl      acknowledge

// ---------------------------------------------------------------------------------------------------- the steps

next_step:
        ldr     w19, [sp, #C_NEXT]
        ldr     w1, [sp, #C_STEPS]
        cmp     w19, w1
        b.hs    finish
        ldr     x20, [sp, #C_STEP_BASE]
        mov     x0, #STEP_SIZE
        madd    x20, x19, x0, x20
        bl      wait_turn
        ldr     w0, [x20, #S_OP]
        cmp     w0, #OP_CALL
        b.eq    do_call
        bl      meet
        ldr     w0, [x20, #S_OP]
        cmp     w0, #OP_WAKE
        b.eq    do_wake
        cmp     w0, #OP_OBSERVE
        b.eq    do_observe
        cmp     w0, #OP_PAUSE
        b.eq    do_pause

step_done:                                      // of a step that is not a call
        add     w0, w19, #1
        str     w0, [sp, #C_NEXT]
call_done:
        dmb     ish
        ldr     w0, [sp, #C_NEXT]
        str     w0, [sp, #C_PROGRESS]
        mov     w0, #STATUS_RUNNING
        str     w0, [sp, #C_STATUS]
        dmb     ish
        ldr     w0, [x20, #S_RING]
        bl      ring
        b       next_step

finish:
        bl      log_begin
        mov     w1, #KIND_FINISHED
        str     w1, [x0, #R_KIND]
        STAMP   x1, x2
        str     x1, [x0, #R_T0]
        str     x1, [x0, #R_T1]
        bl      log_commit
        mov     w0, #STATUS_FINISHED
park:                                           // w0 = the status to stay in
        dmb     ish
        str     w0, [sp, #C_STATUS]
        dmb     ish
        ldr     x0, [x23, #H_FINISHED]
        cbz     x0, 1f
        ldr     w1, [sp, #C_INDEX]
        str     w1, [x0]
1:      ldr     w0, [x23, #H_GIC]
        cmp     w0, #GIC_V2
        b.ne    2f
        ldr     x0, [x23, #H_GICC]
        mov     w1, #MASK_ALL
        str     w1, [x0, #GICC_PMR]
2:      dsb     sy
        wfi
        // Only a trapped GIC gets here with an interrupt; taking it away lets the next WFI sleep.
        ldr     w0, [x23, #H_GIC]
        cmp     w0, #GIC_TRAPPED
        b.ne    2b
        mrs     x0, isr_el1
        tst     x0, #0xc0
        b.eq    2b
        ldr     x0, [x23, #H_GICC]
        ldr     w1, [x0, #GICC_IAR]
        str     w1, [x0, #GICC_EOIR]
        b       2b

// ----------------------------------------------------------------------------------------------------- one call

do_call:
        ldr     w0, [x20, #S_STARTS]            // 1 + the core that this call should start: others wait longer for it
        cbz     w0, 1f
        bl      block_of_started
        ldr     w1, [x0, #C_ENTRIES]
        add     w1, w1, #1
        str     w1, [x2]
        str     wzr, [x0, #C_WAIVED]
1:      add     w0, w19, #1
        str     w0, [sp, #C_NEXT]
        ldr     w25, [x20, #S_FLAGS]
        mov     w0, #STATUS_IN_CALL
        tst     w25, #FLAG_SILENT
        b.eq    2f
        mov     w0, #STATUS_IN_SILENT_CALL
2:      str     w0, [sp, #C_STATUS]
        dmb     ish
        b.eq    3f
        ldr     w0, [x20, #S_RING]              // let those who wait measure their patience from here
        bl      ring
3:      bl      log_begin
        mov     w1, #KIND_CALL
        str     w1, [x0, #R_KIND]
        str     w19, [x0, #R_STEP]
        STAMP   x1, x2
        str     x1, [x0, #R_T0]
        str     x1, [x0, #R_T1]
        bl      log_commit
        bl      meet                            // behind the stamp, which costs the cores a lock in QEMU
        tst     w25, #FLAG_SMC
        ldp     x0, x1, [x20, #S_X0]
        ldp     x2, x3, [x20, #S_X0 + 16]
        ldp     x4, x5, [x20, #S_X0 + 32]
        ldp     x6, x7, [x20, #S_X0 + 48]
        .irp    n, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
        movz    x\n, #(PATTERN >> 48), lsl #48
        movk    x\n, #\n
        .endr
        b.ne    4f
        hvc     #0
        b       5f
4:      smc     #0
5:      stp     x0, x1, [sp, #C_SAVE]
        stp     x2, x3, [sp, #C_SAVE + 16]
        stp     x4, x5, [sp, #C_SAVE + 32]
        stp     x6, x7, [sp, #C_SAVE + 48]
        stp     x8, x9, [sp, #C_SAVE + 64]
        stp     x10, x11, [sp, #C_SAVE + 80]
        stp     x12, x13, [sp, #C_SAVE + 96]
        stp     x14, x15, [sp, #C_SAVE + 112]
        stp     x16, x17, [sp, #C_SAVE + 128]
        stp     x18, x19, [sp, #C_SAVE + 144]
        stp     x20, x21, [sp, #C_SAVE + 160]
        stp     x22, x23, [sp, #C_SAVE + 176]
        stp     x24, x25, [sp, #C_SAVE + 192]
        stp     x26, x27, [sp, #C_SAVE + 208]
        stp     x28, x29, [sp, #C_SAVE + 224]
        str     x30, [sp, #C_SAVE + 240]
        STAMP   x21, x22
        bl      reload
        bl      log_begin
        mov     w1, #KIND_RETURN
        str     w1, [x0, #R_KIND]
        str     w19, [x0, #R_STEP]
        str     x21, [x0, #R_T0]
        str     x21, [x0, #R_T1]
        .irp    n, 0, 16, 32, 48, 64, 80, 96, 112, 128
        ldp     x2, x3, [sp, #C_SAVE + \n]
        stp     x2, x3, [x0, #R_REGS + \n]
        .endr
        // Bit n of R_CHANGED: SMCCC preserves x18 ... x30, and this one came back changed.
        mov     x4, #0
        mov     w5, #18
        add     x6, sp, #(C_SAVE + 18 * 8)
        movz    x7, #(PATTERN >> 48), lsl #48
6:      ldr     x8, [x6], #8
        add     x9, x7, x5
        cmp     x8, x9
        b.eq    7f
        mov     x8, #1
        lsl     x8, x8, x5
        orr     x4, x4, x8
7:      add     w5, w5, #1
        cmp     w5, #31
        b.ne    6b
        str     x4, [x0, #R_CHANGED]
        bl      log_commit
        ldr     w0, [x20, #S_STARTS]
        cbz     w0, 8f
        ldr     w1, [sp, #C_SAVE]
        cbz     w1, 8f
        bl      block_of_started                // refused: nobody is to be expected because of this call
        str     wzr, [x2]
8:      bl      acknowledge
        b       call_done

reload:                                         // the registers that the stub lives in, from the block
        ldr     x23, [sp, #C_EXCHANGE]
        ldr     w24, [x23, #H_CORES]
        ldr     w19, [sp, #C_NEXT]
        sub     w19, w19, #1
        ldr     x20, [sp, #C_STEP_BASE]
        mov     x0, #STEP_SIZE
        madd    x20, x19, x0, x20
        ret

block_of_started:                               // w0 = 1 + index -> x0 = its block, x2 = what this core expects of it
        sub     w0, w0, #1
        add     x2, sp, #C_STARTED
        add     x2, x2, x0, lsl #2
        add     x1, x23, #CORES_OFFSET
        add     x0, x1, x0, lsl #9
        ret

// -------------------------------------------------------------------------------------------------- other steps

do_wake:
        ldr     w0, [x23, #H_GIC]
        cbz     w0, step_done
        STAMP   x25, x0
        ldr     x1, [x23, #H_GICD]
        ldr     w2, [x20, #S_VALUE]
        dsb     sy
        add     x1, x1, #GICD_SGIR
        str     w2, [x1]
        dsb     sy
        STAMP   x26, x0
        bl      log_begin
        mov     w1, #KIND_WAKE
        str     w1, [x0, #R_KIND]
        str     w19, [x0, #R_STEP]
        stp     x25, x26, [x0, #R_T0]
        ldr     x1, [x20, #S_X0]
        str     x1, [x0, #R_REGS]
        bl      log_commit
        ldr     w0, [x20, #S_X0]
        add     w0, w0, #1
        bl      block_of_started
        str     wzr, [x0, #C_WAIVED]            // it may come back now: worth waiting for once more
        b       step_done

do_observe:
        ldr     x0, [x23, #H_OBSERVE]
        cbz     x0, step_done
        ldr     w1, [x20, #S_X0]
        dsb     sy
        str     w1, [x0]
        b       step_done

do_pause:
        mov     w0, #STATUS_WAITING
        str     w0, [sp, #C_STATUS]
        ldr     w25, [x20, #S_VALUE]
        ldr     x0, [sp, #C_FREQUENCY]
        mul     x25, x25, x0
        movz    x0, #(1000000 & 0xffff)
        movk    x0, #(1000000 >> 16), lsl #16
        udiv    x25, x25, x0
        STAMP   x26, x0
1:      STAMP   x27, x0
        sub     x0, x27, x26
        subs    x0, x25, x0
        b.ls    step_done
        bl      doze_or_yield
        b       1b

// ---------------------------------------------------------------------------------------------------- the turns

// Returns when every step of earlier turns is done, or was waived because it let others wait too long. Patience
// is measured from the last change that any core made, so that a queue of waiting cores stays in order: nobody
// waives a core that is itself waiting. The counter is read seldom: QEMU takes its global lock for it, which would
// hold up the very cores that are waited for.
wait_turn:
        mov     x29, x30
        mov     w0, #STATUS_WAITING
        str     w0, [sp, #C_STATUS]
        dmb     ish
        bl      is_my_turn
        cbz     w7, 8f
        mov     x25, #0                         // signature of what the others did so far
        STAMP   x27, x0                         // when the wait began
        mov     x26, x27                        // when the signature changed last
1:      STAMP   x28, x0
        mov     x0, #0
        mov     w1, #0
        add     x2, x23, #CORES_OFFSET
        mov     x5, #33
2:      ldr     w3, [x2, #C_PROGRESS]
        ldr     w4, [x2, #C_STATUS]
        add     x3, x4, x3, lsl #3
        madd    x0, x0, x5, x3
        add     x2, x2, #CORE_SIZE
        add     w1, w1, #1
        cmp     w1, w24
        b.lo    2b
        cmp     x0, x25
        csel    x26, x26, x28, eq
        mov     x25, x0
        dmb     ish

        sub     x5, x28, x26                    // ticks without a change
        mov     w1, #0
        add     x2, x23, #CORES_OFFSET
        add     x6, x20, #S_NEED
        mov     w7, #0                          // cores that must be waited for
        ldr     x8, [sp, #C_LONG]               // look again after this many ticks
3:      ldrh    w9, [x6], #2
        ldr     w3, [x2, #C_PROGRESS]
        cmp     w3, w9
        b.hs    6f
        ldr     w10, [x2, #C_WAIVED]
        add     w11, w3, #1
        cmp     w10, w11
        b.eq    6f
        ldr     w4, [x2, #C_STATUS]
        cmp     w4, #STATUS_WAITING
        b.eq    5f
        ldr     x12, [sp, #C_LONG]
        cmp     w4, #STATUS_RUNNING
        b.eq    4f
        cmp     w4, #STATUS_IN_CALL
        b.eq    4f
        // Does any core expect this one to be entered once more?
        ldr     w13, [x2, #C_ENTRIES]
        add     w13, w13, #1
        add     x14, x23, #CORES_OFFSET
        add     x14, x14, #C_STARTED
        mov     w15, #0
35:     ldr     w16, [x14, x1, lsl #2]
        cmp     w16, w13
        b.eq    4f
        add     x14, x14, #CORE_SIZE
        add     w15, w15, #1
        cmp     w15, w24
        b.lo    35b
        ldr     x12, [sp, #C_SHORT]
4:      subs    x13, x12, x5
        b.hi    41f
        str     w11, [x2, #C_WAIVED]            // until it makes progress, nobody waits for this core
        b       6f
41:     cmp     x13, x8
        csel    x8, x13, x8, lo
5:      add     w7, w7, #1
6:      add     x2, x2, #CORE_SIZE
        add     w1, w1, #1
        cmp     w1, w24
        b.lo    3b
        cbz     w7, 8f

        ldr     w0, [x23, #H_GIC]
        cmp     w0, #GIC_V2
        b.ne    61f
        sub     x0, x28, x27
        ldr     x1, [sp, #C_SPIN]
        cmp     x0, x1
        b.hs    62f
61:     mov     w8, #LOOKS
7:      bl      is_my_turn
        cbz     w7, 8f
        yield
        subs    w8, w8, #1
        b.ne    7b
        ldr     x0, [x23, #H_WAITING]
        cbz     x0, 1b
        ldr     w1, [sp, #C_INDEX]
        str     w1, [x0]
        b       1b
62:     mov     x0, x8
        bl      doze
        bl      is_my_turn
        cbnz    w7, 1b
8:      ldr     w0, [x20, #S_TURN]
        add     w0, w0, #1
        str     w0, [sp, #C_COMING]
        mov     w0, #STATUS_RUNNING
        str     w0, [sp, #C_STATUS]
        dmb     ish
        ret     x29

is_my_turn:                                     // -> w7 = number of cores to wait for; clobbers x0-x6
        mov     w1, #0
        add     x2, x23, #CORES_OFFSET
        add     x6, x20, #S_NEED
        mov     w7, #0
1:      ldrh    w0, [x6], #2
        ldr     w3, [x2, #C_PROGRESS]
        cmp     w3, w0
        b.hs    2f
        ldr     w4, [x2, #C_WAIVED]
        add     w3, w3, #1
        cmp     w4, w3
        cinc    w7, w7, ne
2:      add     x2, x2, #CORE_SIZE
        add     w1, w1, #1
        cmp     w1, w24
        b.lo    1b
        dmb     ish
        ret

// Cores with a step of the same turn meet here, right before they do it, so that their calls really overlap.
meet:                                           // clobbers x0-x8
        ldr     w6, [sp, #C_COMING]
        str     w6, [sp, #C_ARRIVED]
        dmb     ish
        ldr     w5, [x20, #S_PARTNERS]
        cbz     w5, 4f
        STAMP   x7, x0
1:      mov     w8, #LOOKS
2:      mov     w1, #0
        mov     w4, #0
        add     x2, x23, #CORES_OFFSET
3:      ldr     w0, [x2, #C_ARRIVED]
        cmp     w0, w6
        b.hs    31f
        ldr     w0, [x2, #C_COMING]             // awaited: it has said that it comes, or may still say so
        cmp     w0, w6
        b.hs    30f
        ldr     w0, [x2, #C_STATUS]
        cmp     w0, #STATUS_WAITING
        ccmp    w0, #STATUS_RUNNING, #4, ne
        b.ne    31f
30:     lsr     w0, w5, w1
        and     w0, w0, #1
        add     w4, w4, w0
31:     add     x2, x2, #CORE_SIZE
        add     w1, w1, #1
        cmp     w1, w24
        b.lo    3b
        cbz     w4, 4f
        subs    w8, w8, #1
        b.ne    2b
        STAMP   x0, x1
        sub     x0, x0, x7
        ldr     x1, [sp, #C_MEET]
        cmp     x0, x1
        b.lo    1b
4:      ret

// w0 = mask of cores, those of the next turn: the ones that wait look again. If none of them waits (they may be off),
// all others that wait do.
ring:
        ldr     w1, [x23, #H_GIC]
        cmp     w1, #GIC_V2
        b.ne    4f
0:      mov     w1, #0
        mov     w2, #0
        add     x3, x23, #CORES_OFFSET
1:      lsr     w4, w0, w1
        tbz     w4, #0, 2f
        ldr     w5, [x3, #C_STATUS]
        cmp     w5, #STATUS_WAITING
        b.ne    2f
        mov     w5, #0x10000
        lsl     w5, w5, w1
        orr     w2, w2, w5
2:      add     x3, x3, #CORE_SIZE
        add     w1, w1, #1
        cmp     w1, w24
        b.lo    1b
        cbnz    w2, 3f
        cmp     w0, #0xff
        b.eq    4f
        mov     w0, #0xff
        b       0b
3:      orr     w2, w2, #RING_SGI
        ldr     x1, [x23, #H_GICD]
        add     x1, x1, #GICD_SGIR
        str     w2, [x1]
4:      ret

// x0 = ticks: sleep at most that long, where there is a GIC; clobbers x0-x5.
doze_or_yield:
        ldr     x1, [x23, #H_WAITING]
        cbz     x1, 1f
        ldr     w2, [sp, #C_INDEX]
        str     w2, [x1]
1:      ldr     w1, [x23, #H_GIC]
        cmp     w1, #GIC_V2
        b.eq    doze
        yield
        ret
doze:
        mov     w1, #0x7fffffff
        cmp     x0, x1
        csel    x0, x0, x1, lo
        msr     cntv_tval_el0, x0
        mov     x1, #1
        msr     cntv_ctl_el0, x1
        ldr     x1, [x23, #H_GICC]
        ldr     x2, [x23, #H_GICD]
        mov     w3, #MASK_NOTHING
        str     w3, [x1, #GICC_PMR]
        dsb     sy
        isb
        wfi
        msr     cntv_ctl_el0, xzr
        isb
        ldr     w3, [x23, #H_ENDS_RINGS]
        cbnz    w3, 1f
        mov     w3, #MASK_RING
        str     w3, [x1, #GICC_PMR]
        add     x2, x2, #GICD_CPENDSGIR
        mov     w3, #(0xff << (8 * RING_SGI))
        str     w3, [x2]
        dsb     sy
        ret
1:      ldr     w3, [x1, #GICC_HPPIR]
        ands    w3, w3, #0x3ff
        .if     WAKE_SGI
        .error  "the highest pending interrupt is compared with zero"
        .endif
        b.eq    3f
        cmp     w3, #1020
        b.hs    3f
        ldr     w3, [x1, #GICC_IAR]
        and     w0, w3, #0x3ff
        cmp     w0, #1020
        b.hs    3f
        str     w3, [x1, #GICC_EOIR]
        dsb     sy
        cbnz    w0, 1b
        mov     w3, #SGIR_MYSELF                // a wakeup came in between: it is not for us to take here
        str     w3, [x2, #GICD_SGIR]
        dsb     sy
3:      mov     w3, #MASK_RING
        str     w3, [x1, #GICC_PMR]
        dsb     sy
        ret

// --------------------------------------------------------------------------------------------------- interrupts

// Takes and ends the wake interrupts that are pending for this core, and logs each. ISR tells without an access
// to the GIC, which would be an exit in a virtual machine.
acknowledge:
        mov     x29, x30
        ldr     w0, [x23, #H_GIC]
        cbz     w0, 2f
        mov     w28, #8
1:      isb
        mrs     x0, isr_el1
        tst     x0, #0xc0
        b.eq    2f
        STAMP   x26, x0
        ldr     x1, [x23, #H_GICC]
        ldr     w27, [x1, #GICC_IAR]
        dsb     sy
        and     w2, w27, #0x3ff
        cmp     w2, #1020
        b.hs    2f
        str     w27, [x1, #GICC_EOIR]
        dsb     sy
        STAMP   x25, x0
        bl      log_begin
        mov     w1, #KIND_ACK
        str     w1, [x0, #R_KIND]
        stp     x26, x25, [x0, #R_T0]
        mov     w27, w27
        str     x27, [x0, #R_REGS]
        bl      log_commit
        subs    w28, w28, #1
        b.ne    1b
2:      ret     x29

set_up_gic:                                     // clobbers x0-x2
        ldr     w0, [x23, #H_GIC]
        cmp     w0, #GIC_V2
        b.ne    1f
        ldr     x0, [x23, #H_GICD]
        mov     w1, #1
        str     w1, [x0, #GICD_CTLR]
        movz    w1, #(PRIORITY_RING << 8 | PRIORITY_WAKE)
        movk    w1, #(PRIORITY_RING << 8 | PRIORITY_RING), lsl #16
        str     w1, [x0, #GICD_IPRIORITYR]
        movk    w1, #(PRIORITY_RING << 8 | PRIORITY_RING)
        .irp    n, 16, 20, 24, 28
        str     w1, [x0, #GICD_IPRIORITYR + \n]
        .endr
        ldr     w2, [x23, #H_TIMER_INTID]
        mov     w1, #1
        lsl     w1, w1, w2
        orr     w1, w1, #3                      // WAKE_SGI and RING_SGI
        str     w1, [x0, #GICD_ISENABLER]
        msr     cntv_ctl_el0, xzr
        ldr     x0, [x23, #H_GICC]
        mov     w1, #MASK_RING
        str     w1, [x0, #GICC_PMR]
        mov     w1, #1
        str     w1, [x0, #GICC_CTLR]
        dsb     sy
1:      ret

// ------------------------------------------------------------------------------------------------------ the log

log_begin:                                      // -> x0 = a free record; clobbers x1
        ldr     w0, [sp, #C_COUNT]
        cmp     w0, #MAX_RECORDS
        b.hs    1f
        ldr     x1, [sp, #C_LOG]
        add     x0, x1, x0, lsl #8
        mov     w1, #NO_STEP
        str     w1, [x0, #R_STEP]
        ret
1:      mov     w0, #1
        str     w0, [sp, #C_OVERFLOW]
        mov     w0, #STATUS_LOST
        b       park

log_commit:                                     // x0 = the record; clobbers x1, x2
        ldr     w1, [sp, #C_COUNT]
        movz    w2, #(GUARD & 0xffff)
        movk    w2, #(GUARD >> 16), lsl #16
        add     w2, w2, w1
        str     w2, [x0, #R_GUARD]
        dmb     ish
        add     w1, w1, #1
        str     w1, [sp, #C_COUNT]
        dmb     ish
        ret

// ------------------------------------------------------------------------------------------------------- faults

fault:                                          // x0 = the vector's number; x0, x1 are saved
        stp     x2, x3, [sp, #C_FAULT_SAVE + 16]
        stp     x4, x5, [sp, #C_FAULT_SAVE + 32]
        stp     x23, x30, [sp, #C_FAULT_SAVE + 48]
        ldr     x23, [sp, #C_EXCHANGE]
        mov     x5, x0
        ldr     w0, [sp, #C_FAULTS]
        add     w0, w0, #1
        str     w0, [sp, #C_FAULTS]
        cmp     w0, #MAX_FAULTS
        mov     w0, #STATUS_LOST
        b.hi    park
        bl      log_begin
        mov     w1, #KIND_FAULT
        str     w1, [x0, #R_KIND]
        STAMP   x1, x2
        str     x1, [x0, #R_T0]
        str     x1, [x0, #R_T1]
        str     x5, [x0, #R_REGS + 32]
        mrs     x1, CurrentEL
        tbnz    x1, #EL2_BIT, 1f
        mrs     x1, esr_el1
        mrs     x2, elr_el1
        mrs     x3, far_el1
        mrs     x4, spsr_el1
        add     x5, x2, #4
        msr     elr_el1, x5
        b       2f
1:      mrs     x1, esr_el2
        mrs     x2, elr_el2
        mrs     x3, far_el2
        mrs     x4, spsr_el2
        add     x5, x2, #4
        msr     elr_el2, x5
2:      stp     x1, x2, [x0, #R_REGS]
        stp     x3, x4, [x0, #R_REGS + 16]
        bl      log_commit
        ldp     x23, x30, [sp, #C_FAULT_SAVE + 48]
        ldp     x4, x5, [sp, #C_FAULT_SAVE + 32]
        ldp     x2, x3, [sp, #C_FAULT_SAVE + 16]
        ldp     x0, x1, [sp, #C_FAULT_SAVE]
        eret

// ------------------------------------------------------------------------------------------------------ memory

map_memory:                                     // EL1 only; clobbers x0-x3
        adr     x0, tables
        msr     ttbr0_el1, x0
        movz    x0, #0xff00                     // attribute 0: Device-nGnRnE, 1: normal, write back
        msr     mair_el1, x0
        mrs     x1, id_aa64mmfr0_el1
        and     x1, x1, #0xf
        cmp     x1, #5
        mov     x2, #5
        csel    x1, x1, x2, lo                  // IPS: 48 bits are enough
        movz    x0, #(25 | 1 << 8 | 1 << 10 | 3 << 12)
        movk    x0, #(1 << (23 - 16)), lsl #16  // EPD1: no upper half
        orr     x0, x0, x1, lsl #32
        msr     tcr_el1, x0
        isb
        tlbi    vmalle1
        dsb     sy
        isb
        mrs     x0, sctlr_el1
        mov     x1, #(1 << 12 | 1 << 2 | 1)     // I, C, M
        orr     x0, x0, x1
        msr     sctlr_el1, x0
        isb
        ret

// The boot core: a machine that starts again without being told to (a reset) waits here for its next life.
wait_until_armed:                               // keeps x10-x19
        mov     x29, x30
        ldr     w0, [x23, #H_BOOTS]
        add     w0, w0, #1
        str     w0, [x23, #H_BOOTS]
        bl      set_up_gic
        ldr     w28, [x23, #H_GIC]              // what was set up; a tester that finds us only now writes it later
        lsr     x21, x18, #11                   // spin for half a millisecond, it will come soon
        STAMP   x20, x0
1:      ldr     w0, [x23, #H_ARMED]
        cmp     w0, #ARMED_YES
        b.eq    2f
        STAMP   x22, x0
        sub     x0, x22, x20
        cmp     x0, x21
        b.lo    1b
        cbz     w28, 1b
        lsr     x0, x18, #12
        bl      doze_or_yield
        b       1b
2:      mov     w0, #ARMED_TAKEN
        str     w0, [x23, #H_ARMED]
        dmb     ish
        ret     x29
