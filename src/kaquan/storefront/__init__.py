"""Pages for customers and store staff: wallet, unsubscribing, till."""

from kaquan.storefront.routes import storefront_routers

__all__ = ["storefront_routers"]
