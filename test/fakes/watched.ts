/** Things that count how often somebody looks at one of them: what is found by an index looks at few, however many there are. */
export class Watched {
  looks = 0

  readonly watch = <T extends object>(thing: T): T =>
    new Proxy(thing, {
      get: (target, key) => {
        this.looks += 1
        return Reflect.get(target, key)
      },
    })

  /** How many looks a piece of work takes. */
  during(work: () => unknown): number {
    const before = this.looks
    work()
    return this.looks - before
  }
}
