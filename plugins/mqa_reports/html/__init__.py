"""The report as one page of HTML, which needs no network and shows everything without JavaScript, too."""
