#!/bin/sh
# Opens a desk from nothing: hub, owner, departments, agents, canned replies, a customer that is
# a script, an answer, a nightly backup that is checked. Run it in an empty folder:
#
#   sh desk-from-nothing.sh
#
# Secrets stand in files that only you may read, never among the arguments.
set -eu
umask 077
LISTEN=${LISTEN:-127.0.0.1:8470}
export FRONTDESK_HOME="$PWD/admin"
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# 1. A hub. It says where it listens, and keeps a one-time code for its first owner.
frontdesk-hub --data hub --listen "$LISTEN" > hub.log 2>&1 &
HUB_PID=$!
trap 'kill "$HUB_PID" 2>/dev/null || true' EXIT
until [ -s hub/listen ] && [ -s hub/setup-code ]; do kill -0 "$HUB_PID"; done
URL="http://$(cat hub/listen)"

# 2. The owner.
secret > owner.password
frontdesk-admin setup --hub "$URL" --context desk --username olga --name Olga \
  --code-file hub/setup-code --password-file owner.password

# 3. Departments.
for name in Billing Shipping; do
  frontdesk-admin department create "$name" --if-not-exists
done

# 4. Agents: each gets an invitation code in a file, and sets a password of their own with it.
for agent in ana ben; do
  frontdesk-admin invite create --role agent --username "$agent" \
    --department Billing,Shipping -o name > "$agent.code"
  secret > "$agent.password"
  FRONTDESK_HOME="$PWD/$agent" frontdesk-admin invite accept --hub "$URL" --context desk \
    --code-file "$agent.code" --password-file "$agent.password"
  rm "$agent.code"
done

# 5. Canned replies.
frontdesk-admin canned create hello --text 'Hello {{customer.first_name}}, how can I help?' \
  --lang 'pt-BR=Oi!' --if-not-exists
printf 'Your refund is on its way.\n' |
  frontdesk-admin canned create refund --department Billing --text - --if-not-exists

# 6. A customer that is a script asks; repeated with the same --client-id it asks once.
export FRONTDESK_HUB="$URL"
CHAT=$(FRONTDESK_HOME="$PWD/bot" frontdesk-chat --department Billing --name Robo \
  --message 'Order 4711 was charged twice' --client-id "order-4711-charged-twice")
echo "chat $CHAT waits"

# 7. An agent comes, answers, and the customer reads it.
FRONTDESK_HOME="$PWD/ana" frontdesk-agent --plain > ana.log 2>&1 <<END
/status online
/go $CHAT
One of the two is on its way back.
/quit
END
printf '{"type":"message","text":"Thank you"}\n' |
  FRONTDESK_HOME="$PWD/bot" frontdesk-chat resume "$CHAT" --json --json-in --wait 0 > bot.ndjson
FRONTDESK_HOME="$PWD/bot" frontdesk-chat transcript "$CHAT"

# 8. A backup with a token of its own, checked; for cron: 17 3 * * * sh backup.sh
frontdesk-admin token create nightly-backup --days 90 -o name > backup.token
export FRONTDESK_HOME="$PWD/backup"
frontdesk-admin login --context desk --with-token < backup.token
frontdesk-admin backup "desk-$(date +%F).redb"
frontdesk-hub check "desk-$(date +%F).redb"
