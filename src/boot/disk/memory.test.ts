import { describe, expect, test } from 'vitest'
import { Memory, SLAB_BYTES } from './memory.ts'

describe('memory that connections share', () => {
  test('counts slabs and written data, and knows when it is short', () => {
    const memory = new Memory(SLAB_BYTES)
    const slab = memory.takeSlab()
    expect(memory.isTight).toBe(false)
    memory.add(1)
    expect(memory.isTight).toBe(true)
    memory.release(slab)
    memory.remove(1)
    expect(memory.used).toBe(0)
  })

  test('a slab goes back when its last holder lets it go, and is given out again', () => {
    const memory = new Memory(0)
    const slab = memory.takeSlab()
    slab.holders++
    memory.release(slab)
    expect(memory.used).toBe(SLAB_BYTES)
    memory.release(slab)
    expect(memory.used).toBe(0)
    expect(memory.takeSlab()).toBe(slab)
  })

  test('whoever waits is called when there is room, once, in turn, and no further than the room goes', () => {
    const memory = new Memory(100)
    memory.add(300)
    const called: string[] = []
    const left = { a: 3, b: 1, c: 2 }
    const wakes = (['a', 'b', 'c'] as const).map((name) => {
      const wake = () => {
        called.push(name)
        memory.add(60)
        if (--left[name] > 0) memory.wait(wake)
      }
      return wake
    })
    for (const wake of wakes) memory.wait(wake)
    memory.remove(100)
    expect(called).toEqual([])
    memory.remove(100)
    expect(called).toEqual(['a'])
    memory.remove(100)
    expect(called).toEqual(['a', 'b'])
    for (let i = 0; i < 10 && memory.used > 0; i++) memory.remove(60)
    expect(called).toEqual(['a', 'b', 'c', 'a', 'c', 'a'])
  })

  test('one that gives back within its turn does not call the others out of theirs', () => {
    const memory = new Memory(10)
    memory.add(20)
    const called: string[] = []
    memory.wait(() => {
      called.push('a begins')
      memory.add(5)
      memory.remove(5)
      called.push('a ends')
    })
    memory.wait(() => void called.push('b'))
    memory.remove(20)
    expect(called).toEqual(['a begins', 'a ends', 'b'])
  })

  test('who no longer wants to wait is not called', () => {
    const memory = new Memory(0)
    memory.add(1)
    const wake = () => {
      throw new Error('it was called')
    }
    memory.wait(wake)
    memory.forget(wake)
    memory.remove(1)
  })
})
