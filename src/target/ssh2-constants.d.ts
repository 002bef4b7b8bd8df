/** What of ssh2 is not in its types: the algorithms that it offers by itself, as far as the runtime has them. */
declare module 'ssh2/lib/protocol/constants.js' {
  const constants: {
    readonly DEFAULT_KEX: readonly string[];
    readonly DEFAULT_CIPHER: readonly string[];
  };
  export default constants;
}
