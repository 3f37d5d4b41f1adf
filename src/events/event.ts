import { Bus } from '../kit/bus.ts'

export const TOPICS = [
  'machine',
  'profile',
  'image',
  'trace',
  'lease',
  'deployment',
  'volume',
  'batch',
  'power',
  'bmc',
  'console',
  'config',
  'lab',
  'user',
  'token',
] as const
export type Topic = (typeof TOPICS)[number]

/** Something a face may want to show again. It carries no content: who may read the thing fetches it. */
export type DomainEvent = Readonly<{ topic: Topic; id: string; change: 'saved' | 'removed' }>

export class Events extends Bus<DomainEvent> {}
