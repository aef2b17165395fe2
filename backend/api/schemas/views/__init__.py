"""What the API answers with, for the OpenAPI document.

Routes write plain dicts, since making these of big results would cost more than the
rest of a request; tests check real answers against them.
"""
