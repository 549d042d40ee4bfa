"""LocalStack's gateway on the addresses of GATEWAY_LISTEN: its own server takes the port from there and listens on all interfaces."""

from localstack.runtime.server.twisted import TwistedRuntimeServer
from rolo.serving.twisted import TwistedGateway
from twisted.internet import endpoints, reactor


class BoundServer(TwistedRuntimeServer):
    """Plain HTTP on IPv4; certificates are not used."""

    def register(self, gateway, listen, ssl_creds=None):
        site = TwistedGateway(gateway)
        for address in listen:
            endpoints.TCP4ServerEndpoint(reactor, address.port, interface=address.host).listen(site)
