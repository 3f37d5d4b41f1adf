import { describe, expect, test } from 'vitest'
import { Refusal } from '../../src/kit/errors.ts'
import { LabPower, type LabSwitches } from '../../src/power/drivers/lab.ts'
import type { Power, PowerAction, PowerState } from '../../src/power/power.ts'

/** A computer as a power driver sees it. */
class Computer {
  on = false
  starts = 0
  resets = 0
  presses = 0
  /** What a soft switch-off does: a system that listens goes off. */
  listens = true
  answers = true

  start(): void {
    if (!this.on) this.starts++
    this.on = true
  }

  press(): void {
    this.presses++
    if (this.listens) this.on = false
  }
}

/** The smallest power there is: what tests of other parts use. */
function fakePower(computer: Computer): Power {
  const state = async (): Promise<PowerState> => (!computer.answers ? 'unknown' : computer.on ? 'on' : 'off')
  const whileOn = () => {
    if (!computer.on) throw new Refusal('wrong-state', 'it is off')
  }
  const actions: Record<PowerAction, () => void> = {
    on: () => computer.start(),
    off: () => {
      computer.on = false
    },
    cycle: () => {
      computer.on = false
      computer.start()
    },
    diag: () => whileOn(),
    reset: () => {
      whileOn()
      computer.resets++
    },
    soft: () => {
      whileOn()
      computer.press()
    },
  }
  return {
    driver: 'fake',
    state,
    async perform(action) {
      actions[action]()
      return state()
    },
  }
}

function labPower(computer: Computer): Power {
  const power = fakePower(computer)
  const does = (action: PowerAction) => async () => void (await power.perform(action))
  const lab: LabSwitches = {
    powerState: () => power.state(),
    switchOn: does('on'),
    switchOff: does('off'),
    reset: does('reset'),
    pressPowerButton: does('soft'),
  }
  return new LabPower(lab, 'alpha')
}

describe.each([
  ['fake', fakePower],
  ['lab', labPower],
] as const)('power driver %s', (_, driverOf) => {
  const set = (on: boolean) => {
    const computer = new Computer()
    computer.on = on
    return { computer, power: driverOf(computer) }
  }

  test.each([
    [false, 'on', 'on'],
    [true, 'on', 'on'],
    [false, 'off', 'off'],
    [true, 'off', 'off'],
    [false, 'cycle', 'on'],
    [true, 'cycle', 'on'],
    [true, 'reset', 'on'],
    [true, 'soft', 'off'],
  ] as const)('on %s, %s leaves it %s', async (on, action, state) => {
    const { power } = set(on)
    expect(await power.perform(action)).toBe(state)
    expect(await power.state()).toBe(state)
  })

  test('switching on what is on does not start it again', async () => {
    const { computer, power } = set(true)
    await power.perform('on')
    expect(computer.starts).toBe(0)
  })

  test('a cycle starts it anew', async () => {
    const { computer, power } = set(true)
    await power.perform('cycle')
    expect(computer.starts).toBe(1)
  })

  test.each(['reset', 'soft'] as const)('%s of what is off is refused', async (action) => {
    const { power } = set(false)
    await expect(power.perform(action)).rejects.toThrow(Refusal)
  })

  test('the state is read back: a system that ignores the button stays on', async () => {
    const { computer, power } = set(true)
    computer.listens = false
    expect(await power.perform('soft')).toBe('on')
    expect(computer.presses).toBe(1)
  })

  test('what cannot be read is unknown, never assumed', async () => {
    const { computer, power } = set(true)
    computer.answers = false
    expect(await power.perform('on')).toBe('unknown')
  })
})
