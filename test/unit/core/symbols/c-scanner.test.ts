import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanSource } from '../../../../src/core/symbols/c-scanner.ts';

/** `name:line-endLine` of each function. */
function found(text: string): string[] {
  return scanSource(text).functions.map((one) => `${one.name}:${one.line}-${one.endLine}`);
}

function calls(text: string): string[] {
  return scanSource(text).functions.flatMap((one) => one.calls.map((call) => `${call.name}:${call.line}`));
}

describe('definitions', () => {
  it('are found in the styles of ZFS, of the kernel and of old C', () => {
    const text = `
/* ZFS: the type on a line of its own. */
static int
pool_open(pool_t *pool, const char *name,
    boolean_t force)
{
	return (0);
}

static inline void __init kernel_style(struct page *page) {
	if (page) {
		put(page);
	}
}

int old_style(a, b)
	int a;
	char *b;
{
	return a;
}

main() { return 0; }
`;
    expect(found(text)).toEqual(['pool_open:4-8', 'kernel_style:10-14', 'old_style:16-21', 'main:23-23']);
    expect(scanSource(text).functions[0]).toMatchObject({ startLine: 3 });
  });

  it('are found whatever stands around the parameter list', () => {
    const text = `
__printf(1, 2) void say(const char *f, ...) {}
__attribute__((noinline, section(".text.x"))) static int noinline_one(void) {}
int locked(struct q *q) __acquires(q->lock) {}
void quiet(void) __attribute__((cold)) {}
static void (*handler_of(int kind))(struct event *, int) {}
LIB_API int (wrapped) (state_t *L) {}
struct node *first(struct list *l) {}
enum color mix(enum color a, enum color b) {}
unsigned long long wide(unsigned long long (*cb)(void), int n[static 4]) {}
const char *const names(void) {}
`;
    expect(found(text)).toEqual([
      'say:2-2',
      'noinline_one:3-3',
      'locked:4-4',
      'quiet:5-5',
      'handler_of:6-6',
      'wrapped:7-7',
      'first:8-8',
      'mix:9-9',
      'wide:10-10',
      'names:11-11',
    ]);
  });

  it('are not seen in what only looks like one', () => {
    const text = `
int declared(int a);
extern void also(void) __attribute__((noreturn));
typedef struct pair { int a; } pair_t;
struct ops table = { .open = opened(1), .close = { 2 } };
static const int sizes[] = { SIZE(1), SIZE(2) };
enum kinds { ONE = F(1), TWO };
#define MACRO(x) int made_##x(void) { return 0; }
#define LONG(x) \\
	int longer(void) \\
	{ return "*/"; }
/* int in_comment(void) { } */
// int in_line_comment(void) { }
const char *text = "int in_string(void) { ";
const char brace = '{';
DEFINE_SOMETHING(name) { 1, 2 };
TUNABLE(prefix, name, UINT, "a; { b");
struct packed __attribute__((packed)) tight { int a; };
union u { int a; } value;
`;
    expect(found(text)).toEqual([]);
  });

  it('are found behind macros that have no semicolon', () => {
    const text = `
MODULE_THING(alpha, "a (b) {")
MAKE_FINDER(tree_find, seg_t,
    seg_compare)
static void
after_macro(void)
{
}
`;
    expect(found(text)).toEqual(['after_macro:6-8']);
    expect(scanSource(text).functions[0]?.startLine).toBe(5);
  });

  it('are found inside of extern "C"', () => {
    const text =
      '#ifdef __cplusplus\nextern "C" {\n#endif\nint inner(void)\n{\n}\n#ifdef __cplusplus\n}\n#endif\n';
    expect(found(`${text}int outer(void) {}\n`)).toEqual(['inner:4-6', 'outer:10-10']);
  });

  it('keep their parameter text, comments and all', () => {
    const [one] = scanSource('int f(int a /* how ) many */,\n    void (*cb)(int)) {}').functions;
    expect(one?.parameterText).toBe('int a /* how ) many */,\n    void (*cb)(int)');
    const [old] = scanSource('int f(a, b) int a; char *b; {}').functions;
    expect(old).toMatchObject({ parameterText: 'a, b', oldStyleText: ' int a; char *b; ' });
  });
});

describe('conditional parts', () => {
  it('may give a function several signatures', () => {
    const text = `
static int
#ifdef HAVE_IDMAP
node_create(struct idmap *map, struct inode *dir)
#elif defined(HAVE_USERNS)
node_create(struct userns *ns, struct inode *dir)
#else
node_create(struct inode *dir)
#endif
{
	attach(dir);
}
int next(void) {}
`;
    expect(found(text)).toEqual(['node_create:4-12', 'node_create:6-12', 'node_create:8-12', 'next:13-13']);
  });

  it('may open a body in each branch', () => {
    const text = `
#ifdef NEW
int submit(struct bio *b)
{
#else
int submit_old(struct q *q, struct bio *b)
{
#endif
	go(b);
}
int next(void) {}
`;
    expect(found(text)).toEqual(['submit:3-10', 'submit_old:6-10', 'next:11-11']);
    expect(calls(text)).toEqual(['go:9', 'go:9']);
  });

  it('may open braces that another conditional closes', () => {
    const text = `
int f(void)
{
#ifdef A
	if (a()) {
#else
	if (b()) {
		for (;;) {
#endif
		c();
#ifndef A
		}
#endif
	}
}
int next(void) {}
`;
    expect(found(text)).toContain('next:16-16');
  });

  it('may split a parameter list', () => {
    const text = `
int f(int a,
#ifdef X
    struct x *b)
#else
    struct y *b)
#endif
{
}
int next(void) {}
`;
    expect(found(text)).toEqual(['f:2-9', 'next:10-10']);
  });

  it('are left out under #if 0', () => {
    const text =
      "#if 0 /* old */\nint a(void) { don't {{{\n#if X\n#endif\n#else\nint b(void) {}\n#endif\nint c(void) {}\n";
    expect(found(text)).toEqual(['b:6-6', 'c:8-8']);
  });
});

describe('text that does not match up', () => {
  it('costs no more than the function it stands in', () => {
    const text = `
int broken(void)
{
	LOOP_BEGIN(x) {
	END_WITHOUT_BRACE
}
int after(void)
{
}
`;
    expect(found(text)).toEqual(['broken:2-6', 'after:7-9']);
    expect(found('}\nint f(void)\n{\n}\n}\nint g(void)\n{\n}\n')).toEqual(['f:2-4', 'g:6-8']);
  });

  it('ends at the end: an open body, comment, string, parenthesis', () => {
    expect(found('int f(void) {\n\tg();\n')).toEqual(['f:1-3']);
    expect(found('int f(void) {} /* never closed')).toEqual(['f:1-1']);
    expect(found('char *s = "never closed\nint f(void) {}')).toEqual([]);
    expect(found('char *s = "never closed;\n;int f(void) {}')).toEqual(['f:2-2']);
    expect(found('int f(int a')).toEqual([]);
  });
});

describe('calls', () => {
  it('are names before a parenthesis, with their lines', () => {
    const text = `int f(void)
{
	one(two(3), "three()", /* four() */ '(');
	if (x) while (y) return (sizeof (z));
	five
	    (6);
	ops->member(7); ops.member(8); (*pointer)(9);
	ASSERT3U(ten(10), ==, 11);
#define eleven() no()
}`;
    expect(calls(text)).toEqual(['one:3', 'two:3', 'five:5', 'ASSERT3U:8', 'ten:8']);
  });
});

describe('any text', () => {
  const pieces = fc.constantFrom(
    ...['int f', '(', ')', '{', '}', ';', '\n', '#if X\n', '#if 0\n', '#else\n', '#endif\n', '#', '"', "'"],
    ...[
      '/*',
      '*/',
      '//',
      '\\\n',
      '=',
      ',',
      'struct s ',
      'typedef ',
      'extern "C" ',
      'A(x)',
      ' ',
      '\t',
      '\0',
      'é',
    ],
    ...['int g(a) int a;', 'int h(void)\n{\n}\n', '[', ']', '__acquires(x)', '\r\n'],
  );

  it('is read without an error and gives functions that lie in it', () => {
    const anyText = fc.oneof(
      fc.array(pieces, { maxLength: 60 }).map((list) => list.join('')),
      fc.string({ unit: 'binary', maxLength: 200 }),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        const lines = text.split('\n').length;
        for (const one of scanSource(text).functions) {
          expect(one.name).toMatch(/^[A-Za-z_$][\w$]*$/);
          expect(one.line).toBeGreaterThanOrEqual(1);
          expect(one.endLine).toBeLessThanOrEqual(lines);
          expect(one.endLine).toBeGreaterThanOrEqual(one.line);
          expect(text.split('\n')[one.line - 1]).toContain(one.name);
          expect(text).toContain(one.parameterText);
          for (const call of one.calls) {
            expect(text.split('\n')[call.line - 1]).toContain(call.name);
          }
        }
      }),
      { numRuns: 1000 },
    );
  }, 120_000);

  it('before a whole function does not hide it, when it is well formed itself', () => {
    const wellFormed = fc.array(
      fc.constantFrom(
        'int a(int b)\n{\n\tc(b);\n}\n',
        'struct s { int m; } v;\n',
        '#ifdef X\nint d(void)\n#else\nlong d(void)\n#endif\n{\n}\n',
        'static int t[] = { 1, F(2) };\n',
        '#define M(x) { x\n',
        '/* { */ // (\n',
        'char *s = "{(";\n',
        'MACRO(x, y);\n',
        'typedef int (*fn_t)(void);\n',
      ),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(wellFormed, (parts) => {
        const before = parts.join('');
        const line = before.split('\n').length;
        expect(found(`${before}int target(void)\n{\n}\n`)).toContain(`target:${line}-${line + 2}`);
      }),
    );
  });

  it('takes time in proportion to its length', () => {
    for (const unit of [
      '(',
      '{',
      '#if X\n',
      '#if X\n#else\n{}\n',
      'a(b) ',
      'f(x){',
      '"',
      '/',
      'x\\\n',
      '   #',
    ]) {
      const text = unit.repeat(Math.ceil(400_000 / unit.length));
      const started = performance.now();
      scanSource(text).functions;
      // Some ten ms; work that grows with the square takes minutes, however quick the machine is.
      expect(performance.now() - started, JSON.stringify(unit)).toBeLessThan(20_000);
    }
  }, 120_000);
});
