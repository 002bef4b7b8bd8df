/**
 * Under which names the source calls a function that a stack shows. The kernel's own functions are
 * not in the workspace: what stands in the stack is often the slow path that its header or a jump
 * led to.
 */

/**
 * Functions that are reached without a frame of the function called: it is inline, or it ends in a
 * jump. By the symbol without leading underscores (kernel/locking/{mutex,rwsem,semaphore}.c,
 * include/linux/{wait,mutex,slab,spinlock,seq_file}.h).
 */
const slowPaths: readonly (readonly [symbol: RegExp, calls: RegExp])[] = [
  [/^mutex_lock(?:_slowpath|_common)?$/, /^mutex_lock(?:_nested|_io)?$/],
  [/^mutex_lock_(?:interruptible|killable)_slowpath$/, /^mutex_lock_(?:interruptible|killable)(?:_nested)?$/],
  [/^(?:call_)?(?:rwsem_)?down_read(?:_common|_slowpath|_failed)?$/, /^down_read(?:_nested)?$/],
  [/^(?:call_)?(?:rwsem_)?down_write(?:_common|_slowpath|_failed)?$/, /^down_write(?:_nested)?$/],
  [/^down(?:_common)?$/, /^down$/],
  [/^(?:schedule|io_schedule)$/, /^(?:io_)?wait_event(?:_interruptible|_killable|_idle|_lock_irq)?$/],
  [/^raw_(?:spin|read|write)_(?:lock|trylock)/, /^(?:spin|read|write)_(?:lock|trylock)/],
  [/^raw_(?:spin|read|write)_unlock/, /^(?:spin|read|write)_unlock/],
  [/^(?:seq_write|seq_printf)$/, /^seq_(?:puts|putc)$/],
  [/^schedule_timeout$/, /^wait_event(?:_interruptible|_killable|_idle)?_timeout$/],
];

/** Whether a call of `called` can be what brought the stack to the function `inner`. */
export function canLeadTo(inner: string, called: string): boolean {
  if (called === inner) {
    return true;
  }
  const plain = inner.replace(/^_+/, '').replace(/_noprof$/, '');
  // kmalloc() and __kmalloc_noprof(), cond_resched() and __cond_resched(): a wrapper in a header.
  return called === plain || slowPaths.some(([symbol, calls]) => symbol.test(plain) && calls.test(called));
}
