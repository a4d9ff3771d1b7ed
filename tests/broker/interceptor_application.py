"""An application that consumes a topic and knows nothing of recommendations: BOOTSTRAP GROUP TOPIC [-X NAME=VALUE]...

Prints each assignment, and at its end (SIGTERM) how many messages it had and whether its locale and signals are as it set them."""
import locale
import signal
import sys

from confluent_kafka import Consumer

bootstrap, group, topic = sys.argv[1:4]
config = {"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest", "session.timeout.ms": 6000,
          "heartbeat.interval.ms": 200}
for argument in sys.argv[4:]:
    if argument != "-X":
        name, value = argument.split("=", 1)
        config[name] = value

stopping = False


def stop(number, frame):
    global stopping
    stopping = True


signal.signal(signal.SIGTERM, stop)
locale.setlocale(locale.LC_ALL, "C.UTF-8")
mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])

messages = 0
consumer = Consumer(config)
consumer.subscribe([topic], on_assign=lambda consumer, partitions: print("assigned", len(partitions), flush=True))
while not stopping:
    message = consumer.poll(0.1)
    if message is not None and not message.error():
        messages += 1
consumer.close()
del consumer

now = locale.setlocale(locale.LC_ALL)
same = signal.pthread_sigmask(signal.SIG_BLOCK, []) == mask and signal.getsignal(signal.SIGTERM) is stop
print(messages, "messages")
print(f"locale {now}, signals {'as before' if same else 'changed'}")
