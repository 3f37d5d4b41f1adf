/** The part of the WebAssembly interface that is used here: its memory begins at a page, which no other memory of JavaScript does. */
declare const WebAssembly: {
  Memory: new (size: { initial: number; maximum: number; shared: true }) => { readonly buffer: SharedArrayBuffer }
}
const WASM_PAGE = 65_536
/** Reading past the cache needs memory, places and lengths at multiples of the sector size, which is at most this. */
export const ALIGNMENT = 4096

/** Memory that disks can read into without a detour through the cache, and that threads can look at without a copy. */
export function diskBuffer(bytes: number): Uint8Array<SharedArrayBuffer> {
  const pages = Math.ceil(bytes / WASM_PAGE)
  return new Uint8Array(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer, 0, bytes)
}

/** Whether these bytes lie in a `diskBuffer` so that a disk can read straight into them. */
export function isAligned(bytes: Uint8Array): boolean {
  return (
    bytes.buffer instanceof SharedArrayBuffer && bytes.byteOffset % ALIGNMENT === 0 && bytes.length % ALIGNMENT === 0
  )
}
