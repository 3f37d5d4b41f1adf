import fc from 'fast-check'
import { expect, test } from 'vitest'
import { COMMANDS } from '../../src/gateway/ipmi/commands/all.ts'
import { DecodeError } from '../../src/kit/errors.ts'
import * as boot from '../../src/protocols/ipmi/boot-options.ts'
import * as channel from '../../src/protocols/ipmi/channel.ts'
import * as chassis from '../../src/protocols/ipmi/chassis.ts'
import type { Command } from '../../src/protocols/ipmi/command.ts'
import { CompletionError } from '../../src/protocols/ipmi/completion.ts'
import * as device from '../../src/protocols/ipmi/device.ts'
import * as fru from '../../src/protocols/ipmi/fru.ts'
import * as lan from '../../src/protocols/ipmi/lan.ts'
import * as payload from '../../src/protocols/ipmi/payload.ts'
import * as sdr from '../../src/protocols/ipmi/sdr.ts'
import * as sel from '../../src/protocols/ipmi/sel.ts'
import { chooseFactors, sensorRaw, sensorValue } from '../../src/protocols/ipmi/sensor-values.ts'
import * as sensors from '../../src/protocols/ipmi/sensors.ts'
import * as users from '../../src/protocols/ipmi/users.ts'
import { CommandDesk } from '../fakes/ipmi-commands.ts'

const RUNS = Number(process.env.REVEILLE_FUZZ_COUNT ?? 20_000)
const bytes = (maxLength: number) => fc.uint8Array({ maxLength })

const isCodec = (value: unknown): value is Command<unknown, unknown> =>
  typeof value === 'object' && value !== null && 'decodeAnswer' in value
const CODECS = [boot, channel, chassis, device, fru, lan, payload, sdr, sel, sensors, users].flatMap((all) =>
  Object.values(all).filter(isCodec),
)

test('there are codecs to try', () => expect(CODECS.length).toBeGreaterThan(45))

test('any bytes are a request, or refused with a completion code; what was read is written and read the same', () => {
  fc.assert(
    fc.property(fc.constantFrom(...CODECS), bytes(40), (codec, data) => {
      let request: unknown
      try {
        request = codec.decodeRequest(data)
      } catch (error) {
        expect(error).toBeInstanceOf(CompletionError)
        return
      }
      expect(codec.decodeRequest(codec.encodeRequest(request))).toEqual(request)
    }),
    { numRuns: RUNS },
  )
})

test('any bytes are an answer, or none; what was read is written and read the same', () => {
  fc.assert(
    fc.property(fc.constantFrom(...CODECS), bytes(60), (codec, data) => {
      let answer: unknown
      try {
        answer = codec.decodeAnswer(data)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
        return
      }
      expect(codec.decodeAnswer(codec.encodeAnswer(answer))).toEqual(answer)
    }),
    { numRuns: RUNS },
  )
})

test('records and inventories of others are read or refused', () => {
  const record = fc.tuple(fc.constantFrom(1, 2, 3, 0x11, 0x12, 0xc0), bytes(70)).map(([type, rest]) => {
    const all = Uint8Array.of(1, 0, 0x51, type, rest.length, ...rest)
    return all
  })
  const decoders = [sdr.decodeSdr, sel.decodeSelRecord, fru.decodeFru, boot.decodeBootFlags]
  fc.assert(
    fc.property(fc.oneof(record, bytes(300)), (data) => {
      for (const decode of decoders)
        try {
          decode(data)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
    }),
    { numRuns: RUNS },
  )
})

test('an inventory says what it was made of', () => {
  const text = fc.string({ maxLength: 80, unit: 'binary' })
  fc.assert(
    fc.property(text, text, text, (serial, name, tag) => {
      const found = fru.decodeFru(
        fru.encodeFru({
          chassis: { type: 2, partNumber: '', serial },
          board: { madeAt: null, manufacturer: tag, product: name, serial, partNumber: tag },
          product: { manufacturer: name, name, partNumber: '', version: '', serial, assetTag: tag },
        }),
      )
      const isPlain = /^[\x21-\x7e]([\x20-\x7e]{0,61}[\x21-\x7e])?$/.test(serial)
      if (isPlain) expect(found.product?.serial).toBe(serial)
      expect(found.chassis?.serial).toBe(found.board?.serial)
    }),
    { numRuns: Math.min(RUNS, 5_000) },
  )
})

test('a byte says any value as exactly as its factors allow', () => {
  const value = fc.double({ min: -1e6, max: 1e6, noNaN: true })
  fc.assert(
    fc.property(value, fc.array(value, { maxLength: 4 }), (reading, exact) => {
      const all = [reading, ...exact]
      const peak = Math.max(0.001, ...all.map(Math.abs))
      const isSigned = all.some((one) => one < 0)
      const factors = chooseFactors({ peak, isSigned, exact })
      const step = factors.m * 10 ** factors.exponent
      expect(step).toBeLessThanOrEqual((peak / (isSigned ? 127 : 255)) * 1.51)
      for (const one of all)
        expect(Math.abs(sensorValue(factors, sensorRaw(factors, one))! - one)).toBeLessThanOrEqual(step * 0.51)
    }),
    { numRuns: RUNS },
  )
})

test('every command answers any bytes with few bytes or a code, and never fails', async () => {
  const known = fc.constantFrom(...COMMANDS.commands)
  const desk = new CommandDesk()
  desk.bmc.sensorList = [
    {
      name: 'CPU',
      kind: 'temperature',
      unit: '°C',
      value: 40,
      state: 'ok',
      lowCritical: null,
      lowWarning: null,
      highWarning: 80,
      highCritical: 90,
      text: '',
    },
  ]
  await fc.assert(
    fc.asyncProperty(known, bytes(32), fc.constantFrom(1, 2, 3, 4), async (command, data, privilege) => {
      desk.privilege = privilege as 1 | 2 | 3 | 4
      desk.bmc.calls.length = 0
      desk.bmc.log.length = 0
      await desk.bmc.record({ kind: 'power', severity: 'ok', text: 'power on' })
      const answer = await desk.send(command.netFn, command.command, data)
      expect(answer.completionCode).not.toBe(0xff)
      expect(answer.data.length).toBeLessThanOrEqual(202)
      if (answer.completionCode !== 0) expect(answer.data).toHaveLength(0)
      // No password ever leaves.
      const text = Buffer.from(answer.data).toString('latin1')
      for (const password of desk.bmc.passwords.values())
        if (password.length >= 8) expect(text.includes(password)).toBe(false)
    }),
    { numRuns: RUNS },
  )
})

test('any other command is refused', async () => {
  const desk = new CommandDesk()
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 31 }), fc.nat(255), bytes(32), async (group, command, data) => {
      const netFn = group * 2
      if (COMMANDS.commands.some((one) => one.netFn === netFn && one.command === command)) return
      expect((await desk.send(netFn, command, data)).completionCode).toBe(0xc1)
    }),
    { numRuns: Math.min(RUNS, 5_000) },
  )
})
