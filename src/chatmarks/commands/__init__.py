"""The table of contents: every command of this server. The URL is the path of its file."""

from __future__ import annotations

from chatmarks.command import Command
from chatmarks.commands.extensions.recentcontact.query import query
from chatmarks.commands.extensions.recentcontact.top import top
from chatmarks.commands.extensions.recentcontact.who import who
from chatmarks.commands.group_open_http_svc.add_group_member import add_group_member
from chatmarks.commands.group_open_http_svc.create_group import create_group
from chatmarks.commands.group_open_http_svc.delete_group_member import delete_group_member
from chatmarks.commands.group_open_http_svc.destroy_group import destroy_group
from chatmarks.commands.group_open_http_svc.get_appid_group_list import get_appid_group_list
from chatmarks.commands.group_open_http_svc.get_group_info import get_group_info
from chatmarks.commands.group_open_http_svc.import_group_msg import import_group_msg
from chatmarks.commands.group_open_http_svc.send_group_msg import send_group_msg
from chatmarks.commands.im_open_login_svc.account_check import account_check
from chatmarks.commands.im_open_login_svc.account_delete import account_delete
from chatmarks.commands.im_open_login_svc.account_import import account_import
from chatmarks.commands.im_open_login_svc.multiaccount_import import multiaccount_import
from chatmarks.commands.openim.batchsendmsg import batchsendmsg
from chatmarks.commands.openim.importmsg import importmsg
from chatmarks.commands.openim.sendmsg import sendmsg
from chatmarks.commands.recentcontact.create_contact_group import create_contact_group
from chatmarks.commands.recentcontact.del_contact_group import del_contact_group
from chatmarks.commands.recentcontact.delete import delete
from chatmarks.commands.recentcontact.get_contact_group import get_contact_group
from chatmarks.commands.recentcontact.get_list import get_list
from chatmarks.commands.recentcontact.mark_contact import mark_contact
from chatmarks.commands.recentcontact.search_contact_group import search_contact_group
from chatmarks.commands.recentcontact.update_contact_group import update_contact_group

COMMANDS: dict[str, Command] = {
    "recentcontact/create_contact_group": create_contact_group,
    "recentcontact/update_contact_group": update_contact_group,
    "recentcontact/del_contact_group": del_contact_group,
    "recentcontact/mark_contact": mark_contact,
    "recentcontact/get_contact_group": get_contact_group,
    "recentcontact/search_contact_group": search_contact_group,
    "recentcontact/get_list": get_list,
    "recentcontact/delete": delete,
    "im_open_login_svc/account_import": account_import,
    "im_open_login_svc/multiaccount_import": multiaccount_import,
    "im_open_login_svc/account_check": account_check,
    "im_open_login_svc/account_delete": account_delete,
    "group_open_http_svc/create_group": create_group,
    "group_open_http_svc/destroy_group": destroy_group,
    "group_open_http_svc/get_appid_group_list": get_appid_group_list,
    "group_open_http_svc/get_group_info": get_group_info,
    "group_open_http_svc/add_group_member": add_group_member,
    "group_open_http_svc/delete_group_member": delete_group_member,
    "group_open_http_svc/send_group_msg": send_group_msg,
    "group_open_http_svc/import_group_msg": import_group_msg,
    "openim/sendmsg": sendmsg,
    "openim/batchsendmsg": batchsendmsg,
    "openim/importmsg": importmsg,
    "x/1/recentcontact/top": top,
    "x/1/recentcontact/query": query,
    "x/1/recentcontact/who": who,
}

NOT_DONE: dict[str, str] = {
    "group_open_http_svc/import_group_member": "269/1636",
}
"""Documented neighbours that this server does not answer, with their documents."""
