import { parentPort, workerData } from 'node:worker_threads'
import { type ErrorCode, Refusal } from '../kit/errors.ts'
import { LeaseFile, type LeaseValues } from './lease-file.ts'

/** What the thread is told. Each order is one commit. */
export type LeaseOrder = Readonly<
  | { kind: 'save'; id: number; values: LeaseValues }
  | { kind: 'remove'; id: number; ips: readonly number[] }
  | { kind: 'stop' }
>

/** What became of an order: without `failure` it is on the disk, with it nothing was changed. */
export type LeaseReport = Readonly<{
  id: number
  failure?: Readonly<{ message: string; code?: ErrorCode; next?: string | undefined }>
}>

/** Writes leases, so that nothing else waits for the disk. The file is opened by the first order, which can tell what is wrong with it. */
const { path } = workerData as { path: string }
const port = parentPort!
let file: LeaseFile | undefined

function carryOut(order: Exclude<LeaseOrder, { kind: 'stop' }>): LeaseReport {
  try {
    file ??= LeaseFile.open(path)
    if (order.kind === 'save') file.save(order.values)
    else file.remove(order.ips)
    return { id: order.id }
  } catch (error) {
    const failure =
      error instanceof Refusal
        ? { message: error.message, code: error.code, next: error.next }
        : { message: error instanceof Error ? error.message : String(error) }
    return { id: order.id, failure }
  }
}

port.on('message', (order: LeaseOrder) => {
  if (order.kind !== 'stop') return port.postMessage(carryOut(order))
  file?.close()
  port.close()
})
