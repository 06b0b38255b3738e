#!/bin/sh
# The first process of the guest: modules, the Debian root read-only with memory on top, the test, power off.
BB=/bin/busybox
$BB mount -t proc proc /proc
$BB mount -t sysfs sys /sys
$BB mount -t devtmpfs dev /dev
say() { echo "[$($BB cut -d' ' -f1 "${P:-}/proc/uptime")] $*"; }
say "kernel $($BB uname -r)"
while read -r module; do $BB insmod "/lib/mod/$module" || say "$module did not load"; done < /lib/mod/order
NINEP=trans=virtio,version=9p2000.L,msize=512000
$BB mount -t 9p -o "$NINEP,ro,cache=loose" root /host || say "no root"
$BB mount -t tmpfs -o size=256m tmpfs /rw
$BB mkdir /rw/up /rw/work
$BB mount -t overlay -o lowerdir=/host,upperdir=/rw/up,workdir=/rw/work overlay /new || say "no overlay"
for d in proc sys dev; do $BB mkdir -p /new/$d; $BB mount -o move /$d /new/$d; done
P=/new
$BB mkdir -p /new/run /new/tmp /new/dev/pts /new/dev/shm /new/mnt/out /new/mnt/src
$BB mount -t tmpfs tmpfs /new/run
$BB mount -t tmpfs tmpfs /new/dev/shm
$BB mount -t devpts devpts /new/dev/pts
$BB mount -t 9p -o "$NINEP,rw,cache=none" out /new/mnt/out || say "no output folder"
$BB mount -t 9p -o "$NINEP,ro,cache=loose" src /new/mnt/src || say "no source folder"
$BB ip link set lo up
say "root is there"
$BB chroot /new /bin/sh /mnt/src/tests/bluez-vm/guest.sh
rc=$?
$BB dmesg > /new/mnt/out/dmesg.txt
say "the test ended with $rc"
echo $rc > /new/mnt/out/rc
$BB sync
$BB poweroff -f
