import { closeSync, readSync } from 'node:fs'
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { TftpTerms } from '../../protocols/tftp/negotiate.ts'
import type { TransferEnd } from '../../protocols/tftp/transfer.ts'
import { Poll } from '../../sockets/datagrams.ts'
import { closeSocket } from '../../sockets/libc.ts'
import { RunningTransfer, type Source } from './transfer-loop.ts'

/** What the thread is told. It owns the socket and the file of `start` from then on. */
export type TransferOrder =
  | Readonly<{ kind: 'start'; id: number; socket: number; source: Source; terms: TftpTerms }>
  | Readonly<{ kind: 'repeated-request'; id: number }>
  /** End it without a word. */
  | Readonly<{ kind: 'drop'; id: number }>
  | Readonly<{ kind: 'stop' }>

/** How far a transfer is: `begun` when the client accepted our terms, `progress` when it has its first block. */
export type TransferReport = Readonly<
  | { kind: 'begun'; id: number }
  | { kind: 'progress'; id: number }
  | { kind: 'ended'; id: number; begun: boolean; end: TransferEnd; blocks: number; retransmits: number }
  | { kind: 'malformed' }
>

type Row = {
  readonly id: number
  readonly source: Source
  readonly transfer: RunningTransfer
  begun: boolean
  progress: boolean
}

/** Every TFTP transfer runs in this thread: it waits in `poll`, so that a turn costs what it costs a C program, and others go on. */
const { port, waker } = workerData as { port: MessagePort; waker: number }
const rows = new Map<number, Row>()
const bySocket = new Map<number, Row>()
const poll = new Poll()
const buffer = new Uint8Array(65_536)
const tick = new Uint8Array(8)
let stopping = false

function report(message: TransferReport): void {
  port.postMessage(message)
}

function obey(order: TransferOrder): void {
  switch (order.kind) {
    case 'start': {
      const transfer = new RunningTransfer(order.socket, order.source, order.terms, performance.now())
      const row = { id: order.id, source: order.source, transfer, begun: false, progress: false }
      rows.set(order.id, row)
      bySocket.set(order.socket, row)
      poll.watch([waker, ...bySocket.keys()])
      settle(row)
      break
    }
    case 'repeated-request': {
      const row = rows.get(order.id)
      row?.transfer.advance({ kind: 'repeated-request' }, performance.now())
      if (row) settle(row)
      break
    }
    case 'drop': {
      const row = rows.get(order.id)
      if (row) forget(row)
      break
    }
    case 'stop':
      stopping = true
  }
}

/** Reports what changed, and ends what is over. */
function settle(row: Row): void {
  const { state, end } = row.transfer
  if (!row.begun && !state.negotiating) {
    row.begun = true
    report({ kind: 'begun', id: row.id })
  }
  if (!row.progress && state.acked > 0) {
    row.progress = true
    report({ kind: 'progress', id: row.id })
  }
  if (!end) return
  report({ kind: 'ended', id: row.id, begun: row.begun, end, blocks: state.acked, retransmits: state.retransmits })
  forget(row)
}

function forget(row: Row): void {
  rows.delete(row.id)
  bySocket.delete(row.transfer.socket)
  closeSocket(row.transfer.socket)
  if ('fd' in row.source) closeSync(row.source.fd)
  poll.watch([waker, ...bySocket.keys()])
}

/** Runs until there is nothing to do. While it runs, orders come through the waker. */
function run(): void {
  let due = 0
  while (rows.size > 0 && !stopping) {
    const before = performance.now()
    const ready = poll.wait(Math.max(0, Math.ceil(due - before)))
    const now = performance.now()
    for (const fd of ready) {
      if (fd === waker) {
        readSync(waker, tick)
        takeOrders()
        due = 0
        continue
      }
      const row = bySocket.get(fd)
      if (!row) continue
      if (!row.transfer.hear(buffer, now)) report({ kind: 'malformed' })
      settle(row)
    }
    if (now < due) continue
    due = now + 50
    for (const row of [...rows.values()]) {
      row.transfer.advance({ kind: 'tick' }, now)
      settle(row)
    }
  }
}

function takeOrders(): void {
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port))
    obey(next.message as TransferOrder)
}

port.on('message', (order: TransferOrder) => {
  obey(order)
  takeOrders()
  run()
  if (stopping) {
    for (const row of [...rows.values()]) forget(row)
    port.close()
  }
})
