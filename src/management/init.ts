/** What the init and the agent begin each of their lines on the consoles with. */
export const AGENT_LINE = 'REVEILLE-AGENT:'

/** Pause before an agent that ended is started again. */
const RESTART_SECONDS = 5

/**
 * Folders of modules that leave memory once the network is up: what was not needed until then belongs to hardware that is not there.
 * What can be plugged in later (USB, SCSI disks, file systems) stays.
 */
const FREED = ['net', 'ata', 'infiniband', 'message', 'hv', 'mmc', 'gpu', 'media']

/**
 * First program of the management OS: loads drivers, brings the network up (trying for ever, and saying what it waits for), and runs the
 * agent; one that ends is started again. Nobody gets a shell on the consoles, unless the kernel's command line says `reveille.debug`:
 * a machine that is being deployed stands unattended, and its disks and its secrets are within reach of a shell. `reveille.mac=MAC` names
 * the network card it booted from, which is tried first.
 */
export const AGENT_INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/usr/sbin:/bin HOME=/root TERM=linux
mount -t proc -o nosuid,noexec,nodev proc /proc
mount -t sysfs -o nosuid,noexec,nodev sys /sys
mount -t devtmpfs -o nosuid dev /dev 2>/dev/null
mkdir -p /dev/pts
mount -t devpts -o nosuid,noexec devpts /dev/pts
mount -t tmpfs -o nosuid,nodev,mode=0755,size=10% run /run
mount -t tmpfs -o nosuid,nodev,mode=1777,size=25% tmp /tmp
echo 1 >/proc/sys/kernel/printk

# Everything that is said goes to every console: nobody knows on which one somebody looks.
consoles=
for name in $(cat /sys/class/tty/console/active); do
  ( : >"/dev/$name" ) 2>/dev/null && consoles="$consoles /dev/$name"
done
mkfifo /run/said
exec 3<>/run/said
tee $consoles </run/said >/dev/null &
exec >&3 2>&1 </dev/null
say() { echo "${AGENT_LINE} $*"; }

debug=
first=
for word in $(cat /proc/cmdline); do
  case $word in
    reveille.debug) debug=1 ;;
    reveille.mac=*) first=$(echo "\${word#*=}" | tr 'A-F-' 'a-f:') ;;
  esac
done

coldplug() {
  find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u | xargs modprobe -q -a -b 2>/dev/null
}
say "the management OS has started on Linux $(uname -r); looking for hardware"
modprobe -q -a crc32c_generic af_packet evdev 2>/dev/null
# What a controller carries is seen only once the controller has its driver.
coldplug
coldplug
modprobe -q -a sd_mod dm_mod 2>/dev/null
[ ! -d /sys/firmware/efi ] || { modprobe -q efivarfs; mount -t efivarfs -o nosuid,noexec,nodev efivarfs /sys/firmware/efi/efivars; } 2>/dev/null

if [ -n "$debug" ]; then
  say 'reveille.debug is on the command line: there is a shell on each console'
  for console in $consoles; do
    ( while :; do setsid sh -c "exec sh -l <$console >$console 2>&1"; sleep 1; done ) &
  done
fi

# The power button, pressed by hand or by a power driver. Pulling the plug harms nothing here either.
for name in /sys/class/input/event*/device/name; do
  [ "$(cat "$name" 2>/dev/null)" = 'Power Button' ] || continue
  event=\${name#/sys/class/input/}
  ( head -c 24 "/dev/input/\${event%%/*}" >/dev/null && { say 'the power button was pressed: switching off'; sleep 1; poweroff -f; } ) &
done

ip link set lo up
# The cards, the one that booted first, one name a line.
cards() {
  for card in /sys/class/net/*; do
    [ -e "$card/device" ] || continue
    [ "$(cat "$card/address")" != "$first" ] || echo "\${card##*/}"
  done
  for card in /sys/class/net/*; do
    [ -e "$card/device" ] || continue
    [ "$(cat "$card/address")" = "$first" ] || echo "\${card##*/}"
  done
}
network() {
  for card in $(cards); do ip link set "$card" up 2>/dev/null; done
  # A switch port may take some seconds to forward after the link has come up.
  for second in 1 2 3 4 5 6 7 8; do
    for card in $(cards); do [ "$(cat "/sys/class/net/$card/carrier" 2>/dev/null)" != 1 ] || linked=1; done
    [ -z "$linked" ] || break
    sleep 1
  done
  for card in $(cards); do
    [ "$(cat "/sys/class/net/$card/carrier" 2>/dev/null)" = 1 ] || continue
    say "asking DHCP for an address on $card ($(cat "/sys/class/net/$card/address"))"
    # Without an address it ends; with one it stays and renews it.
    udhcpc -i "$card" -s /etc/udhcpc -V reveille-agent -p "/run/udhcpc.$card" -n -t 5 -T 2 -A 2 >/dev/null 2>&1 && return 0
  done
  return 1
}
attempt=0
until network; do
  attempt=$((attempt + 1))
  if [ -z "$(cards)" ]; then
    say "no network card was found (attempt $attempt): its driver is missing, or needs firmware; looking again"
  elif [ -z "$linked" ]; then
    say "no network card has a link (attempt $attempt): check the cable of $(cards | tr '\\n' ' ')"
  else
    say "no DHCP server answered (attempt $attempt); asking again"
  fi
  linked=
  sleep 2
  coldplug
done
say "network: $(ip -4 -o addr show scope global | awk '{print $2, $4}' | tr '\\n' ' ')"
( cd "/lib/modules/$(uname -r)/kernel/drivers" && rm -rf ${FREED.join(' ')} )

while :; do
  MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=262144 node --max-semi-space-size=2 --disable-warning=ExperimentalWarning /agent/main.mjs &
  agent=$!
  wait "$agent"
  status=$?
  say "the agent ended with status $status; it is started again in ${RESTART_SECONDS} seconds"
  sleep ${RESTART_SECONDS}
done
`

/** Called by udhcpc with what DHCP said in its environment. */
export const AGENT_UDHCPC = `#!/bin/busybox sh
case $1 in
  deconfig) ip addr flush dev "$interface" ;;
  bound | renew)
    [ -z "$mtu" ] || ip link set "$interface" mtu "$mtu"
    ip addr replace "$ip/\${mask:-24}" dev "$interface"
    for each in $router; do
      ip route replace "$each" dev "$interface"
      ip route replace default via "$each" dev "$interface"
      break
    done
    : >/etc/resolv.conf.new
    [ -z "$domain" ] || echo "search $domain" >>/etc/resolv.conf.new
    for each in $dns; do echo "nameserver $each" >>/etc/resolv.conf.new; done
    mv /etc/resolv.conf.new /etc/resolv.conf
    [ -z "$hostname" ] || hostname "$hostname"
    ;;
esac
exit 0
`
