"""The demo: a whole campaign on this machine, every email really sent, checked at the receiving end."""

from app.demo.running import run_demo

__all__ = ["run_demo"]
