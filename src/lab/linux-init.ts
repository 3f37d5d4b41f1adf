/** The line that the lab's small Linux prints when it has arrived; its address follows. */
export const ARRIVED = 'REVEILLE-LAB: userland reached, address'

/** First program of the lab's small Linux: loads drivers, asks DHCP for an address, says so, and gives a shell. */
export const LAB_INIT = `#!/bin/sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TERM=vt100
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/lib/modules/$module.ko" 2>/dev/null; done </lib/modules/order
hostname lab-linux
ip link set lo up
# Cards appear a moment after their driver.
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  for card in /sys/class/net/*; do
    card=\${card##*/}
    [ "$card" = lo ] || { nic=$card; break; }
  done
  [ -z "$nic" ] || break
  sleep 0.2
done
if [ -n "$nic" ]; then
  ip link set "$nic" up
  udhcpc -i "$nic" -s /etc/udhcpc -n -q -t 10 -T 2 -A 1 >/dev/null 2>&1
  address=$(ip -4 addr show dev "$nic" | sed -n 's/.*inet \\([0-9.]*\\).*/\\1/p')
fi
# The power button, pressed by reveille power NAME soft. Opened before arrival is told: a press is kept for whoever has it open.
for name in /sys/class/input/event*/device/name; do
  [ "$(cat "$name" 2>/dev/null)" = 'Power Button' ] || continue
  event=\${name#/sys/class/input/}
  fd=$((\${fd:-2} + 1))
  eval "exec $fd</dev/input/\${event%%/*}"
  ( eval "head -c 24 <&$fd" >/dev/null && poweroff -f ) &
done
echo
echo "${ARRIVED} \${address:-none}"
echo "This is the lab's small Linux, in memory only. 'poweroff' switches the machine off, 'reboot' boots it anew."
alias poweroff='poweroff -f' reboot='reboot -f'
echo "alias poweroff='poweroff -f' reboot='reboot -f'" >/etc/profile
while :; do
  setsid cttyhack sh -l
  sleep 1
done
`

/** Called by udhcpc with what DHCP said in its environment. */
export const UDHCPC_SCRIPT = `#!/bin/sh
case $1 in
  bound | renew)
    ip addr flush dev "$interface"
    ip addr add "$ip/\${mask:-24}" dev "$interface"
    for each in $router; do ip route replace default via "$each" && break; done
    : >/etc/resolv.conf
    for each in $dns; do echo "nameserver $each" >>/etc/resolv.conf; done
    [ -z "$hostname" ] || hostname "$hostname"
    ;;
esac
exit 0
`
