import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Credential } from '../../access/access.ts'
import type { Principal } from '../../access/user.ts'
import type { ParamsOf, QueryOf, ResponseOf } from '../contract/route.ts'
import type { Contract, OperationId } from '../contract.ts'

type Body<R> = R extends { readonly body: infer B }
  ? B extends z.ZodType
    ? z.output<B>
    : B extends 'bytes'
      ? AsyncIterable<Uint8Array>
      : undefined
  : undefined

/** What a handler is called with: everything checked against the contract. */
export type Call<Id extends OperationId> = Readonly<{
  params: ParamsOf<Contract[Id]>
  query: QueryOf<Contract[Id]>
  body: Body<Contract[Id]>
  /** Who asks. Of a public route: nobody yet. */
  by: Contract[Id]['needs'] extends 'public' ? Principal | undefined : Principal
  credential: Credential | undefined
  /** Where the request came from: an address, or `control.sock`. */
  address: string
  /** Tells the audit log what the change was about, in words for people. Without it: what the path names. */
  about(subject: string, detail?: string): void
  request: FastifyRequest
  reply: FastifyReply
}>

/** Handlers of some operations. One whose response is `'bytes'` or `'events'` sends it by `reply` itself. */
export type HandlersOf<Ids extends OperationId> = {
  readonly [Id in Ids]: (
    call: Call<Id>,
  ) => Contract[Id]['response'] extends z.ZodType
    ? Promise<ResponseOf<Contract[Id]>> | ResponseOf<Contract[Id]>
    : Promise<void> | void
}

/** The state of one request between the hooks. */
export type Visit = {
  operation: OperationId | undefined
  credential: Credential | undefined
  principal: Principal | undefined
  subject: string | undefined
  detail: string
}

declare module 'fastify' {
  interface FastifyRequest {
    visit: Visit
  }
}

/** Requests that came by the control socket. */
export type ControlRequests = WeakSet<IncomingMessage>
