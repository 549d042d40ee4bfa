/** Does as its event says, or takes records of a queue: those that say so fail, all are told to the test. */
export const handler = async (event, context) => {
  const { GREETING, TELL, TMPDIR, AWS_ENDPOINT_URL } = process.env;
  console.log('called with', Object.keys(event).join());
  switch (event.do) {
    case 'throw':
      throw new TypeError('as asked');
    case 'hang':
      return new Promise(() => setInterval(() => undefined, 1_000));
    case 'exit':
      process.exit(3);
      break;
    case 'tell':
      return {
        version: process.version,
        pid: process.pid,
        greeting: GREETING,
        arn: context.invokedFunctionArn,
        remainingMs: context.getRemainingTimeInMillis(),
        AWS_ENDPOINT_URL,
        TMPDIR,
      };
  }
  const failures = [];
  for (const { messageId, body, attributes, eventSourceARN } of event.Records) {
    const receives = Number(attributes.ApproximateReceiveCount);
    if (body === 'fail once' && receives === 1) failures.push({ itemIdentifier: messageId });
    const told = { body, receives, group: attributes.MessageGroupId, from: eventSourceARN };
    await fetch(TELL, { method: 'POST', body: JSON.stringify(told) });
  }
  return { batchItemFailures: failures };
};
