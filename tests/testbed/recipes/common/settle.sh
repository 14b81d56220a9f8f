#!/bin/sh
# What the scripts of Debian's base packages do when they are installed, and this machine's
# certificates, so that whatever it trusts is trusted inside.
set -eu

cp /usr/share/base-passwd/passwd.master /etc/passwd
cp /usr/share/base-passwd/group.master /etc/group
# A directory where a package brings it along, so the link would be made inside of it.
rm -rf /var/run
ln -s /run /var/run
install -d -m 1777 /var/tmp
mkdir -p /home /mnt /opt /srv /usr/local/bin /etc/ssl/certs /usr/lib/ssl
# Where programs of Debian look, and where OpenSSL looks by itself.
cp /tmp/certificates.crt /etc/ssl/certs/ca-certificates.crt
ln -sf /etc/ssl/certs/ca-certificates.crt /usr/lib/ssl/cert.pem
rm /tmp/certificates.crt /tmp/settle.sh
