import * as wire from '../../../protocols/ipmi/channel.ts'
import { PRIVILEGE_LEVEL } from '../../../protocols/ipmi/net-fn.ts'
import type { Command } from '../command.ts'
import { answers, checkChannel, LAN_CHANNEL, refuse } from './answers.ts'

export const CHANNEL: readonly Command[] = [
  answers(wire.GET_CHANNEL_INFO, ({ channel }, { sessions }): wire.ChannelInfo => {
    checkChannel(channel)
    return {
      channel: LAN_CHANNEL,
      medium: wire.CHANNEL_MEDIUM.lan,
      protocol: wire.CHANNEL_PROTOCOL.ipmb,
      sessions: 'many',
      activeSessions: sessions.length,
    }
  }),
  answers(wire.GET_CHANNEL_ACCESS, ({ channel }): wire.ChannelAccess => {
    checkChannel(channel)
    return {
      alerting: false,
      perMessageAuthentication: true,
      userLevelAuthentication: true,
      mode: 'always',
      privilege: PRIVILEGE_LEVEL.administrator,
    }
  }),
  answers(wire.SET_CHANNEL_ACCESS, ({ channel }) => {
    checkChannel(channel)
    refuse(wire.CHANNEL_ACCESS_FIXED)
  }),
]
