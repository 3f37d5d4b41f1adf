import { describe, expect, it, vi } from 'vitest'
import { Refusal } from '../kit/errors.ts'
import { ipv4, parseIpv4, parseSubnet } from '../kit/ip.ts'
import type { Mac } from '../kit/mac.ts'
import { DatagramBatch } from './batch.ts'
import { findInterface, listInterfaces, type NetworkInterface, within } from './interfaces.ts'
import { closeSocket, SystemCallError, setOption } from './libc.ts'
import { openUdpSocket, setUdpSegment } from './udp.ts'

const LOOPBACK = parseIpv4('127.0.0.1')!

describe('UDP sockets', () => {
  it('send, receive and close like any other of dgram', async () => {
    const receiver = await openUdpSocket({ port: 0, address: LOOPBACK, receiveBytes: 65_536 })
    const sender = await openUdpSocket({ port: 0, address: LOOPBACK })
    const heard = new Promise<Buffer>((resolve) => receiver.socket.once('message', resolve))
    sender.socket.send('hello', receiver.socket.address().port, '127.0.0.1')
    expect(String(await heard)).toBe('hello')
    expect(receiver.socket.address().address).toBe('127.0.0.1')
    for (const { socket } of [sender, receiver]) await new Promise<void>((resolve) => socket.close(resolve))
  })

  it('cut one long send into datagrams where the kernel can', async () => {
    const receiver = await openUdpSocket({ port: 0, address: LOOPBACK })
    const sender = await openUdpSocket({ port: 0, address: LOOPBACK })
    const sizes: number[] = []
    const segmented = setUdpSegment(sender.fd, 100)
    const all = new Promise<void>((resolve) => {
      receiver.socket.on('message', (bytes) => {
        sizes.push(bytes.length)
        if (sizes.reduce((sum, size) => sum + size, 0) === 250) resolve()
      })
    })
    sender.socket.send(new Uint8Array(250), receiver.socket.address().port, '127.0.0.1')
    await all
    expect(sizes).toEqual(segmented ? [100, 100, 50] : [250])
    for (const { socket } of [sender, receiver]) await new Promise<void>((resolve) => socket.close(resolve))
  })

  it('send many datagrams at once, each to its own address, and count those that the kernel does not take', async () => {
    const receivers = await Promise.all([1, 2].map(() => openUdpSocket({ port: 0, address: LOOPBACK })))
    const sender = await openUdpSocket({ port: 0, address: LOOPBACK })
    const heard: string[][] = [[], []]
    const counts: [number, number][] = []
    for (const [i, { socket }] of receivers.entries()) socket.on('message', (bytes) => heard[i]!.push(String(bytes)))
    const batch = new DatagramBatch(sender.fd, (sent, failed) => counts.push([sent, failed]))
    const ports = receivers.map(({ socket }) => socket.address().port)
    // 64 leave at once, the rest at the end of the turn.
    for (let n = 0; n < 100; n += 1) batch.add(Buffer.from(`${n}`), LOOPBACK, n === 70 ? 0 : ports[n % 2]!)
    expect(counts).toEqual([[64, 0]])
    await vi.waitFor(() => expect(heard[0]!.length + heard[1]!.length).toBe(99))
    expect(counts).toEqual([
      [64, 0],
      [35, 1],
    ])
    const numbers = Array.from({ length: 100 }, (_, n) => n).filter((n) => n !== 70)
    for (const i of [0, 1]) expect(heard[i]).toEqual(numbers.filter((n) => n % 2 === i).map(String))
    batch.flush()
    expect(counts).toHaveLength(2)
    expect(() => batch.add(new Uint8Array(1473), LOOPBACK, 1)).toThrow(RangeError)
    for (const { socket } of [sender, ...receivers]) await new Promise<void>((resolve) => socket.close(resolve))
  })

  it('say what to do when they cannot be had', async () => {
    const foreign = openUdpSocket({ port: 0, address: ipv4(0x08080808) })
    await expect(foreign).rejects.toBeInstanceOf(Refusal)
    await expect(foreign).rejects.toThrow(/^UDP 8\.8\.8\.8:0 /)
    const missing = openUdpSocket({ port: 0, interface: 'nowhere0' })
    await expect(missing).rejects.toBeInstanceOf(Refusal)
    await expect(missing).rejects.toThrow(/UDP 0\.0\.0\.0:0 on nowhere0/)
  })
})

describe('system calls', () => {
  it('name the call and the reason when they fail', () => {
    expect(() => setOption(-1, 1, 2, 1)).toThrow(SystemCallError)
    expect(() => setOption(-1, 1, 2, 1)).toThrow(/^setsockopt: /)
    closeSocket(-1)
  })
})

describe('interfaces', () => {
  it('are listed without loopback, each with its addresses', () => {
    for (const each of listInterfaces()) {
      expect(each.name).not.toBe('lo')
      expect(each.addresses).toContain(each.address)
      expect(each.index).toBeGreaterThan(0)
    }
  })

  it('are known by the address inside the networks that are served, else by their first', () => {
    const attachments = ['10.77.0.1/24', '10.79.0.1/24'].map((cidr) => ({
      address: parseIpv4(cidr.split('/')[0]!)!,
      subnet: parseSubnet(cidr)!,
    }))
    const [first, second] = attachments
    const addresses = attachments.map(({ address }) => address)
    const on: NetworkInterface = {
      ...{ name: 'eth0', index: 2, mac: '52:54:00:00:00:01' as Mac, ...first!, addresses, attachments },
    }
    expect(within(on, [parseSubnet('10.79.0.0/24')!])).toEqual({ ...on, ...second })
    expect(within(on, [parseSubnet('10.76.0.0/14')!])).toEqual(on)
    expect(within(on, [parseSubnet('192.168.0.0/16')!])).toEqual(on)
    expect(within(on, [])).toEqual(on)
  })

  it('that do not exist are refused with the list of those that do', () => {
    expect(() => findInterface('nowhere0')).toThrow('There is no interface nowhere0.')
    expect(() => findInterface('lo')).toThrow(/is not an Ethernet interface/)
  })
})
