/** A console that prints when told and remembers what was typed. */
export class FakeConsole {
  typed = ''
  followers = new Set<{ listener: (bytes: Uint8Array) => void; ended: () => void }>()
  recorded = async () => new TextEncoder().encode('booting\r\n')
  follow(listener: (bytes: Uint8Array) => void, ended: () => void) {
    const follower = { listener, ended }
    this.followers.add(follower)
    return () => void this.followers.delete(follower)
  }
  type(bytes: Uint8Array) {
    this.typed += new TextDecoder().decode(bytes)
  }
  print(text: string) {
    for (const { listener } of this.followers) listener(new TextEncoder().encode(text))
  }
}
