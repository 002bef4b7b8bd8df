# A kernel module in which a commit calls back with its error; with the symbol WITHOUT_CALLBACK it forgets to. Writing a
# digit to its parameter `commit` makes a commit of the object with that number.
#
# In assembler, since a compiler takes its time where the processor is emulated. What depends on the kernel is in
# symbols: versions of what it uses, and where the members of struct module are.

# The beginning of a function that the kernel lets be probed: ftrace knows it (scripts/recordmcount.c).
	.macro	enter
	endbr64
1:	call	__fentry__
	.pushsection __mcount_loc, "a"
	.balign	8
	.quad	1b
	.popsection
	push	%rbp
	mov	%rsp, %rbp
	.endm

	.text
	.globl	zs_seed_callback, zs_seed_commit, init_module, cleanup_module
	.type	zs_seed_callback, @function
	.type	zs_seed_commit, @function
	.type	zs_seed_set, @function
	.type	init_module, @function
	.type	cleanup_module, @function

# int zs_seed_callback(u64 object, int error): the error for odd objects
zs_seed_callback:
	enter
	xor	%eax, %eax
	test	$1, %dil
	cmovnz	%esi, %eax
	pop	%rbp
	ret
	.size	zs_seed_callback, . - zs_seed_callback

# int zs_seed_commit(u64 object)
zs_seed_commit:
	enter
	xor	%eax, %eax
	.ifndef	WITHOUT_CALLBACK
	mov	$-5, %esi
	call	zs_seed_callback
	.endif
	pop	%rbp
	ret
	.size	zs_seed_commit, . - zs_seed_commit

# int zs_seed_set(const char *text, const struct kernel_param *param)
zs_seed_set:
	enter
	movzbl	(%rdi), %edi
	sub	$'0', %edi
	call	zs_seed_commit
	xor	%eax, %eax
	pop	%rbp
	ret
	.size	zs_seed_set, . - zs_seed_set

init_module:
	endbr64
	xor	%eax, %eax
	ret
	.size	init_module, . - init_module

cleanup_module:
	endbr64
	ret
	.size	cleanup_module, . - cleanup_module

# struct kernel_param_ops and struct kernel_param of include/linux/moduleparam.h
	.section	.rodata
	.balign	8
operations:
	.quad	0, zs_seed_set, 0, 0
name:
	.asciz	"commit"

	.section	__param, "a"
	.balign	8
	.quad	name, __this_module, operations
	.word	0200
	.byte	-1, 0
	.balign	8
	.quad	0

# struct module of include/linux/module.h
	.section	.gnu.linkonce.this_module, "aw"
	.balign	64
	.globl	__this_module
	.type	__this_module, @object
__this_module:
	.skip	NAME_AT
	.ascii	"zs_seed"
	.skip	INIT_AT - NAME_AT - 7
	.quad	init_module
	.skip	EXIT_AT - INIT_AT - 8
	.quad	cleanup_module
	.skip	MODULE_SIZE - EXIT_AT - 8
	.size	__this_module, MODULE_SIZE

# struct modversion_info: 64 bytes each
	.section	__versions, "a"
	.balign	8
	.quad	VERSION_module_layout
	.asciz	"module_layout"
	.skip	42
	.quad	VERSION___fentry__
	.asciz	"__fentry__"
	.skip	45

	.section	.modinfo, "a"
	.asciz	"license=GPL"
	.asciz	"name=zs_seed"
